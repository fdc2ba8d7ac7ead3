%% The tables of push_devices_sql and push_removals_sql, for an ejabberd that makes them itself
%% (from 24.06 on, unless update_sql_schema is false). For others they are in priv/sql: both are to
%% say the same.
-module(push_sql_schema).

-export([update/2, schemas/1, file/1, is_multihost/0]).

-include("logger.hrl").

%% As in ejabberd_sql.hrl of 26.07. Not included from there: 23.01 has no such records, and a
%% header does not tell which it is.
-record(sql_index, {columns :: [binary()], unique = false :: boolean(), meta = #{} :: map()}).
-record(sql_column, {name :: binary(), type :: atom() | tuple(), nullable = false :: boolean(),
                     default = false :: boolean(), opts = [] :: list()}).
-record(sql_table, {name :: binary(), columns :: [#sql_column{}], indices = [] :: [#sql_index{}],
                    post_create :: undefined | fun((tuple()) -> [iodata()])}).
-record(sql_schema, {version :: integer(), tables :: [#sql_table{}], update = [] :: list()}).

-define(MAKER, ejabberd_sql_schema).

%% Makes the tables where ejabberd can; whether they are there is found out by the first query.
-spec update(Host :: binary(), Module :: module()) -> ok.
update(Host, Module) ->
    _ = code:ensure_loaded(?MAKER),
    case erlang:function_exported(?MAKER, update_schema, 3) of
        true ->
            try apply(?MAKER, update_schema, [Host, Module, Module:sql_schemas()]) of
                _ -> ok
            catch
                %% As when the database is away.
                _:_ -> ?WARNING_MSG("ejabberd could not make or check the tables of "
                                    "mod_push_service in the database of ~ts", [Host])
            end;
        false ->
            ok
    end.

%% As the running ejabberd has them: the schema of one of its own modules shows whether a column
%% has the field that 26.07 has added.
-spec schemas(devices | removals) -> [tuple()].
schemas(Which) ->
    Schemas = apply(mod_last_sql, sql_schemas, []),
    [#sql_schema{tables = [#sql_table{columns = [Own | _]} | _]} | _] = Schemas,
    Shape = fun(Column) when tuple_size(Own) =:= tuple_size(Column) -> Column;
               (Column) -> erlang:delete_element(#sql_column.nullable, Column)
            end,
    [Schema#sql_schema{tables = [Table#sql_table{columns = [Shape(C) || C <- Columns]}
                                 || #sql_table{columns = Columns} = Table <- Tables]}
     || #sql_schema{tables = Tables} = Schema <- newest(Which)].

newest(devices) ->
    [#sql_schema{
        version = 1,
        tables = [
            #sql_table{
                name = <<"push_device">>,
                columns = [text(<<"username">>), text(<<"server_host">>), text(<<"app">>),
                           text(<<"token">>), text(<<"kind">>), text(<<"device_id">>),
                           text(<<"node">>), text(<<"name">>), text(<<"resource">>),
                           text(<<"content">>), text(<<"language">>),
                           #sql_column{name = <<"remove_on_logout">>, type = boolean},
                           #sql_column{name = <<"registered_at">>, type = bigint},
                           text(<<"more">>)],
                indices = [#sql_index{columns = [<<"app">>, <<"token">>], unique = true,
                                      meta = #{primary_key => true}},
                           #sql_index{columns = [<<"server_host">>, <<"username">>]}],
                post_create = fun(Info) -> exact(Info, "push_device") end},
            #sql_table{
                name = <<"push_server">>,
                columns = [text(<<"name">>), text(<<"value">>)],
                indices = [#sql_index{columns = [<<"name">>], unique = true,
                                      meta = #{primary_key => true}}],
                post_create = fun(Info) -> exact(Info, "push_server") end}]}];
%% A schema of its own: ejabberd makes it beside the tables that a former version made.
newest(removals) ->
    [#sql_schema{
        version = 1,
        tables = [
            #sql_table{
                name = <<"push_removal">>,
                columns = [text(<<"username">>), text(<<"server_host">>), text(<<"app">>),
                           text(<<"node">>), text(<<"token">>), text(<<"kind">>),
                           text(<<"device_id">>), text(<<"name">>),
                           #sql_column{name = <<"removed_at">>, type = bigint},
                           text(<<"why">>)],
                indices = [#sql_index{columns = [<<"server_host">>, <<"username">>, <<"node">>,
                                                 <<"removed_at">>], unique = true,
                                      meta = #{primary_key => true}},
                           #sql_index{columns = [<<"removed_at">>]}],
                post_create = fun(Info) -> exact(Info, "push_removal") end}]}].

text(Name) ->
    #sql_column{name = Name, type = text}.

%% MySQL's usual collation takes letters for one another that name different users.
exact(Info, Table) when element(2, Info) =:= mysql ->
    [["ALTER TABLE ", Table, " CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"]];
exact(_, _) ->
    [].

%% The file with the tables for a vhost's database.
-spec file(Host :: binary()) -> file:filename().
file(Host) ->
    Type = case ejabberd_option:sql_type(Host) of
        mysql -> "mysql";
        pgsql -> "pg";
        _ -> "lite"
    end,
    Name = Type ++ case is_multihost() of
        true -> ".multihost.sql";
        false -> ".sql"
    end,
    case code:priv_dir(mod_push_service) of
        {error, bad_name} -> filename:join("priv/sql", Name);
        Folder -> filename:join([Folder, "sql", Name])
    end.

%% Renamed in 25.10.
-spec is_multihost() -> boolean().
is_multihost() ->
    _ = code:ensure_loaded(ejabberd_sql),
    Name = case erlang:function_exported(ejabberd_sql, use_multihost_schema, 0) of
        true -> use_multihost_schema;
        false -> use_new_schema
    end,
    apply(ejabberd_sql, Name, []).
