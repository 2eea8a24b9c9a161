"""A server that is none of the project's: another library, a service of its own, and the target file to judge it by."""
