-- Tables of mod_push_service for MySQL and MariaDB, to load beside ejabberd's own multihost schema.
-- ejabberd 24.06 and newer make them by themselves, unless update_sql_schema is false.
-- May be loaded again after an upgrade: what is there stays.

CREATE TABLE IF NOT EXISTS push_device (
    app varchar(100) NOT NULL,
    token varchar(200) NOT NULL,
    username varchar(191) NOT NULL,
    server_host varchar(191) NOT NULL,
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
    PRIMARY KEY (app, token),
    KEY i_push_device_server_host_username (server_host, username)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The server's secret; in MySQL also what registrations lock.
CREATE TABLE IF NOT EXISTS push_server (
    name varchar(100) NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Why devices were removed, for 30 days.
CREATE TABLE IF NOT EXISTS push_removal (
    username varchar(191) NOT NULL,
    server_host varchar(191) NOT NULL,
    app text NOT NULL,
    node varchar(100) NOT NULL,
    token text NOT NULL,
    kind text NOT NULL,
    device_id text NOT NULL,
    name text NOT NULL,
    removed_at bigint NOT NULL,
    why text NOT NULL,
    PRIMARY KEY (server_host, username, node, removed_at),
    KEY i_push_removal_removed_at (removed_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
