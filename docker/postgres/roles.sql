-- Run once by the superuser, in a new server: the database, its owner for the workers, and a reader for the page.
-- The passwords come from files, so that they stand in no command line and no log.
\set ON_ERROR_STOP on
\set owner_password `cat "$PUHUI_PASSWORD_FILE"`
\set reader_password `cat "$READER_PASSWORD_FILE"`
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
CREATE ROLE puhui LOGIN PASSWORD :'owner_password';
CREATE ROLE puhui_reader LOGIN PASSWORD :'reader_password';
CREATE DATABASE puhui OWNER puhui ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE puhui FROM PUBLIC;
GRANT CONNECT ON DATABASE puhui TO puhui_reader;
\connect puhui
ALTER SCHEMA public OWNER TO puhui;
GRANT USAGE ON SCHEMA public TO puhui_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE puhui IN SCHEMA public GRANT SELECT ON TABLES TO puhui_reader;
