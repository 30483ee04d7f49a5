"""What the platform's own people do: look after organisations and users, switch features, watch all parts."""
