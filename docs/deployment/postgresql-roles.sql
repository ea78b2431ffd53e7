-- Two roles: the owner of the tables migrates, and the one that web, workers and beat use can add to the history and not
-- change it. Run it as the owner, after every manage.py migrate that made tables (it may be run again):
--
--     createuser fnshare_app --pwprompt          # once, as a superuser
--     psql "$OWNERS_DATABASE_URL" -v app=fnshare_app -f docs/deployment/postgresql-roles.sql
--
-- Then DATABASE_URL of web, workers and beat names fnshare_app. manage.py migrate and manage.py erase-person need the owner.
\set ON_ERROR_STOP on
BEGIN;
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app";
-- History and its seals: read and added to, nothing else.
REVOKE UPDATE, DELETE, TRUNCATE ON sharing_event, sharing_seal, sharing_shipment FROM :"app";
-- Names are erased by the owner only.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON sharing_erasure FROM :"app";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM :"app";
COMMIT;
