"""What browsers, broken clients and hostile ones can do to a service, byte for byte."""
