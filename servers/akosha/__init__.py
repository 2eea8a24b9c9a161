"""Analytics: metric series come in; anomalies, patterns, insights and aggregations come out."""
