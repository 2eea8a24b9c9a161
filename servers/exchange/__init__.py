"""Files of other tools into running services and out of them, for shells and CI."""
