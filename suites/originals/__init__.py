"""The services as their authors published them, judged by the profile core."""
