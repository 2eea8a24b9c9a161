-- As `base.Position.follows`, of a stored position. The holder of the grant has seen where none is stored.
local function newest(position)
    local mark = position.marks and position.marks[#position.marks]
    return mark and string.format('%.0f:', mark[1]) .. mark[2] or ''
end

local function follows(position, stored)
    if position.basis == '' then return false end
    local known, basis = cjson.decode(stored), cjson.decode(position.basis)
    return basis.epoch == known.epoch and basis.offset == known.offset and newest(basis) == newest(known)
end
