"""Who somebody is and what he may: keys, tokens, revocations, permissions, certificates as identities."""
