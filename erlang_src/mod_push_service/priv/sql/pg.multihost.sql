-- Tables of mod_push_service for PostgreSQL (9.5 or newer), to load beside ejabberd's own multihost schema.
-- ejabberd 24.06 and newer make them by themselves, unless update_sql_schema is false.
-- May be loaded again after an upgrade: what is there stays.

CREATE TABLE IF NOT EXISTS push_device (
    app text NOT NULL,
    token text NOT NULL,
    username text NOT NULL,
    server_host text NOT NULL,
    kind text NOT NULL,
    device_id text NOT NULL,
    node text NOT NULL,
    name text NOT NULL,
    resource text NOT NULL,
    content text NOT NULL,
    language text NOT NULL,
    remove_on_logout boolean NOT NULL,
    registered_at bigint NOT NULL,
    more text NOT NULL,
    PRIMARY KEY (app, token)
);

CREATE INDEX IF NOT EXISTS i_push_device_server_host_username ON push_device (server_host, username);

-- The server's secret.
CREATE TABLE IF NOT EXISTS push_server (
    name text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (name)
);

-- Why devices were removed, for 30 days.
CREATE TABLE IF NOT EXISTS push_removal (
    username text NOT NULL,
    server_host text NOT NULL,
    app text NOT NULL,
    node text NOT NULL,
    token text NOT NULL,
    kind text NOT NULL,
    device_id text NOT NULL,
    name text NOT NULL,
    removed_at bigint NOT NULL,
    why text NOT NULL,
    PRIMARY KEY (server_host, username, node, removed_at)
);

CREATE INDEX IF NOT EXISTS i_push_removal_removed_at ON push_removal (removed_at);
