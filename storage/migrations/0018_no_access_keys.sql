-- Of before there were accounts: an organisation is opened by its members, its API keys and its devices, and by nothing else.
ALTER TABLE organisations DROP COLUMN access_key_hash;
