%% Devices in SQL (SQLite, PostgreSQL, MySQL and MariaDB): one row per app and token. The tables
%% are in push_sql_schema and priv/sql.
%%
%% What a query asks for or an admin wants to see has a column of its own. All else that a device
%% may have in a later version is in `more`, as an Erlang map: a database that was made today needs
%% no change for it, and nodes of two versions can share it.
%%
%% A transaction of ejabberd's does not keep others from writing between its reads and its writes
%% (READ COMMITTED in PostgreSQL). So a registration locks what it reads and writes, the owner's
%% devices and the token; and a deletion, which locks nothing, takes a row only as it was read.
-module(push_devices_sql).

-behaviour(push_devices).

-export([init/2, store/1, lookup/1, remove/2, remove_token/4, update/4, secret/3, place/1]).
-export([owners_of/2, count/1]).
-export([lookup_token/3, fold/3, is_empty/1, set_secret/3]).
%% For push_removals_sql
-export([connection/1, kind/1]).
%% As ejabberd's own modules have it
-export([sql_schemas/0]).

-include("ejabberd_sql_pt.hrl").

%% The records of newer versions' header.
-compile(nowarn_untyped_record).

%% Locks there are: so many registrations at a time need not wait for one another.
-define(SLOTS, 1024).

%% Devices read at a time where all of them are looked at.
-define(CHUNK, "1000").

-define(COLUMNS,
        "@(username)s, @(app)s, @(token)s, @(kind)s, @(device_id)s, @(node)s, @(name)s, "
        "@(resource)s, @(content)s, @(language)s, @(remove_on_logout)b, @(registered_at)d, "
        "@(more)s").

%% Says at once what an admin has to do; the module starts all the same.
-spec init(Host :: binary(), gen_mod:opts()) -> ok.
init(Host, _Opts) ->
    ok = push_sql_schema:update(Host, ?MODULE),
    _ = lookup({<<>>, Host}),
    ok.

-spec sql_schemas() -> list().
sql_schemas() ->
    push_sql_schema:schemas(devices).

%% Without `server_host` in the tables each vhost has a database of its own.
-spec place(Host :: binary()) -> term().
place(Host) ->
    case {push_sql_schema:is_multihost(), ejabberd_option:sql_type(Host),
          ejabberd_option:sql_database(Host)} of
        {false, _, _} ->
            {?MODULE, Host};
        {true, sqlite, undefined} ->
            {?MODULE, Host};
        {true, Type, Database} ->
            {?MODULE, Type, ejabberd_option:sql_server(Host), ejabberd_option:sql_port(Host),
             Database}
    end.

%% The vhost whose connections are used. SQLite has one for each, which does one transaction after
%% another; of two to one file, the one that is later than the other fails. So a file has one.
-spec connection(Host :: binary()) -> binary().
connection(Host) ->
    case {push_sql_schema:is_multihost(), ejabberd_option:sql_type(Host)} of
        {true, sqlite} ->
            Place = place(Host),
            hd([H || H <- lists:sort(ejabberd_option:hosts()), place(H) =:= Place]);
        _ ->
            Host
    end.

-spec store([{push_devices:device(), push_devices:superseded()}, ...]) ->
    {ok, [[push_devices:device()] | kept]} | {error, db_failure}.
store([{#{us := {_, Host}}, _} | _] = Devices) ->
    push_sql:transaction(connection(Host), fun() ->
        %% In this order everywhere, so that two do not wait for one another.
        lists:foreach(fun lock/1, lists:usort(lists:append(
            [[slot(US), slot({App, Token})]
             || {#{us := US, app := App, token := Token}, _} <- Devices]))),
        [store(Device, Superseded) || {Device, Superseded} <- Devices]
    end).

store(#{us := {_, Host} = US, app := App, token := Token} = Device, Superseded) ->
    Owned = owned(US),
    Previous = by_token(Host, App, Token),
    case Superseded(Owned, Previous) of
        keep ->
            kept;
        Superfluous ->
            Gone = delete_if(fun(_) -> true end, Superfluous),
            ok = write(Device),
            [D || #{us := Other} = D <- Previous, Other =/= US] ++ Gone
    end.

-spec lookup(push_devices:us()) -> {ok, [push_devices:device()]} | {error, db_failure}.
lookup({_, Host} = US) ->
    push_sql:query(connection(Host), fun() -> owned(US) end).

-spec lookup_token(Host :: binary(), App :: binary(), Token :: binary()) ->
    {ok, [push_devices:device()]} | {error, db_failure}.
lookup_token(Host, App, Token) ->
    push_sql:query(connection(Host), fun() -> by_token(Host, App, Token) end).

-spec remove(push_devices:us(), fun((push_devices:device()) -> boolean())) ->
    {ok, [push_devices:device()]} | {error, db_failure}.
remove({_, Host} = US, Condition) ->
    push_sql:transaction(connection(Host), fun() -> delete_if(Condition, owned(US)) end).

-spec remove_token(Host :: binary(), App :: binary(), Token :: binary(),
                   fun((push_devices:device()) -> boolean())) ->
    {ok, [push_devices:device()]} | {error, db_failure}.
remove_token(Host, App, Token, Condition) ->
    push_sql:transaction(connection(Host), fun() ->
        delete_if(Condition, by_token(Host, App, Token))
    end).

-spec update(Host :: binary(), App :: binary(), [{Token :: binary(), Note}],
             fun((push_devices:device(), Note) -> push_devices:device())) ->
    {ok, non_neg_integer()} | {error, db_failure} when Note :: term().
update(Host, App, Notes, Change) ->
    %% Most change nothing: those are read outside of a transaction, and lock nothing.
    Due = push_sql:query(connection(Host), fun() ->
        [Note || Note <- Notes, changed(Host, App, Note, Change) =/= []]
    end),
    case Due of
        {ok, []} ->
            {ok, 0};
        {ok, Some} ->
            push_sql:transaction(connection(Host), fun() ->
                lists:sum([write_more(New) || Note <- Some,
                                              New <- changed(Host, App, Note, Change)])
            end);
        Error ->
            Error
    end.

changed(Host, App, {Token, Note}, Change) ->
    [New || Old <- by_token(Host, App, Token), New <- [Change(Old, Note)], New =/= Old].

-spec owners_of(Host :: binary(), App :: binary()) ->
    {ok, [push_devices:us()]} | {error, db_failure}.
owners_of(Host, App) ->
    push_sql:query(connection(Host), fun() ->
        {selected, Rows} = ejabberd_sql:sql_query_t(
            ?SQL("select distinct @(username)s from push_device"
                 " where app=%(App)s and %(Host)H")),
        [{User, Host} || {User} <- Rows]
    end).

-spec count(Host :: binary()) ->
    {ok, #{App :: binary() => pos_integer()}} | {error, db_failure}.
count(Host) ->
    push_sql:query(connection(Host), fun() ->
        {selected, Rows} = ejabberd_sql:sql_query_t(
            ?SQL("select @(app)s, @(count(*))d from push_device where %(Host)H group by app")),
        maps:from_list(Rows)
    end).

%% In hex, which push_sql keeps out of the log.
-spec secret(Host :: binary(), Name :: atom(), Fresh :: binary()) ->
    {ok, binary()} | {error, db_failure}.
secret(Host, Atom, Fresh) ->
    Name = atom_to_binary(Atom),
    Hex = binary:encode_hex(Fresh),
    push_sql:transaction(connection(Host), fun() ->
        %% The first statement: what is read after it is not older than it.
        {updated, _} = ejabberd_sql:sql_query_t([
            {mysql, ?SQL("insert ignore into push_server(name, value)"
                         " values (%(Name)s, %(Hex)s)")},
            {any, ?SQL("insert into push_server(name, value)"
                       " values (%(Name)s, %(Hex)s) on conflict (name) do nothing")}]),
        {selected, [{Kept}]} = ejabberd_sql:sql_query_t(
            ?SQL("select @(value)s from push_server where name=%(Name)s")),
        binary:decode_hex(Kept)
    end).

-spec set_secret(Host :: binary(), Name :: atom(), binary()) -> ok | {error, db_failure}.
set_secret(Host, Atom, Value) ->
    Name = atom_to_binary(Atom),
    Hex = binary:encode_hex(Value),
    Written = push_sql:transaction(connection(Host), fun() ->
        {updated, _} = ejabberd_sql:sql_query_t(
            ?SQL("delete from push_server where name=%(Name)s")),
        {updated, _} = ejabberd_sql:sql_query_t(
            ?SQL("insert into push_server(name, value) values (%(Name)s, %(Hex)s)"))
    end),
    case Written of
        {ok, _} -> ok;
        Error -> Error
    end.

%% In the order of the primary key, so that each query reads no more than it gives.
-spec fold(Host :: binary(), fun(([push_devices:device()], Acc) -> Acc), Acc) ->
    {ok, Acc} | {error, db_failure}.
fold(Host, Fun, Acc) ->
    case count(Host) of
        {ok, Counts} -> fold(Host, lists:sort(maps:keys(Counts)), <<>>, Fun, Acc);
        Error -> Error
    end.

fold(_Host, [], _After, _Fun, Acc) ->
    {ok, Acc};
fold(Host, [App | Apps], After, Fun, Acc) ->
    Page = push_sql:query(connection(Host), fun() ->
        {selected, Rows} = ejabberd_sql:sql_query_t(
            ?SQL("select " ?COLUMNS " from push_device where app=%(App)s and token>%(After)s"
                 " and %(Host)H order by token limit " ?CHUNK)),
        [to_device(Host, Row) || Row <- Rows]
    end),
    case Page of
        {ok, []} ->
            fold(Host, Apps, <<>>, Fun, Acc);
        {ok, Devices} ->
            #{token := Last} = lists:last(Devices),
            fold(Host, [App | Apps], Last, Fun, Fun(Devices, Acc));
        Error ->
            Error
    end.

-spec is_empty(Host :: binary()) -> {ok, boolean()} | {error, db_failure}.
is_empty(Host) ->
    push_sql:query(connection(Host), fun() ->
        {selected, Rows} = ejabberd_sql:sql_query_t(
            ?SQL("select @(app)s from push_device limit 1")),
        Rows =:= []
    end).

%%% Locks, held until the transaction's end

slot(Key) ->
    erlang:phash2(Key, ?SLOTS).

%% MySQL knows no such locks: a row stands for each. SQLite needs none: see connection/1.
%% 1886745448 is "push", to keep away from others' locks.
lock(Slot) ->
    Name = <<"lock-", (integer_to_binary(Slot))/binary>>,
    _ = ejabberd_sql:sql_query_t([
        {pgsql, ?SQL("select @(held)s from (select"
                     " pg_advisory_xact_lock(1886745448, %(Slot)d)::text as held) as locks")},
        {mysql, ?SQL("insert into push_server(name, value) values (%(Name)s, '')"
                     " on duplicate key update name=name")},
        {any, ?SQL("select @(1)d")}]),
    ok.

%%% Rows, in a process of ejabberd_sql's

owned({User, Host}) ->
    {selected, Rows} = ejabberd_sql:sql_query_t(
        ?SQL("select " ?COLUMNS " from push_device where username=%(User)s and %(Host)H")),
    [to_device(Host, Row) || Row <- Rows].

%% Whoever's it is, of all vhosts in this database.
by_token(Host, App, Token) ->
    case push_sql_schema:is_multihost() of
        true ->
            {selected, Rows} = ejabberd_sql:sql_query_t(
                ?SQL("select @(server_host)s, " ?COLUMNS " from push_device"
                     " where app=%(App)s and token=%(Token)s")),
            [to_device(element(1, Row), erlang:delete_element(1, Row)) || Row <- Rows];
        false ->
            {selected, Rows} = ejabberd_sql:sql_query_t(
                ?SQL("select " ?COLUMNS " from push_device"
                     " where app=%(App)s and token=%(Token)s")),
            [to_device(Host, Row) || Row <- Rows]
    end.

delete_if(Condition, Devices) ->
    [Device || Device <- Devices, Condition(Device), delete(Device)].

%% Not one that was registered again or moved since it was read.
delete(#{us := {User, Host}, app := App, token := Token, registered_at := At}) ->
    {updated, Count} = ejabberd_sql:sql_query_t(
        ?SQL("delete from push_device where app=%(App)s and token=%(Token)s"
             " and username=%(User)s and %(Host)H and registered_at=%(At)d")),
    Count > 0.

%% Of the code that the macro makes.
-dialyzer({nowarn_function, write/1}).

write(#{us := {User, Host}, app := App, token := Token, kind := KindAtom, device_id := Id,
        node := Node, name := Name, resource := Resource, content := ContentAtom,
        language := Language, remove_on_logout := RemoveOnLogout, registered_at := At} = Device) ->
    Kind = atom_to_binary(KindAtom),
    Content = atom_to_binary(ContentAtom),
    More = more(Device),
    ok = ?SQL_UPSERT_T("push_device",
        ["!app=%(App)s", "!token=%(Token)s", "username=%(User)s", "server_host=%(Host)s",
         "kind=%(Kind)s", "device_id=%(Id)s", "node=%(Node)s", "name=%(Name)s",
         "resource=%(Resource)s", "content=%(Content)s", "language=%(Language)s",
         "remove_on_logout=%(RemoveOnLogout)b", "registered_at=%(At)d", "more=%(More)s"]).

%% Only what is in `more`. Of two nodes that do so at once the later wins: what they write is known
%% again soon.
write_more(#{us := {User, Host}, app := App, token := Token, registered_at := At} = Device) ->
    More = more(Device),
    {updated, Count} = ejabberd_sql:sql_query_t(
        ?SQL("update push_device set more=%(More)s where app=%(App)s and token=%(Token)s"
             " and username=%(User)s and %(Host)H and registered_at=%(At)d")),
    Count.

to_device(Host, {User, App, Token, Kind, Id, Node, Name, Resource, Content, Language,
                 RemoveOnLogout, At, More}) ->
    (from_more(More))#{us => {User, Host}, app => App, token => Token, kind => kind(Kind),
                       device_id => Id, node => Node, name => Name, resource => Resource,
                       content => content(Content), language => Language,
                       remove_on_logout => RemoveOnLogout, registered_at => At}.

-spec kind(binary()) -> alert | voip.
kind(<<"voip">>) -> voip;
kind(_) -> alert.

%% Of a word that this version does not know, the strictest is right.
content(<<"body">>) -> body;
content(<<"sender">>) -> sender;
content(_) -> none.

more(Device) ->
    Rest = maps:without([us, app, token, kind, device_id, node, name, resource, content, language,
                         remove_on_logout, registered_at], Device),
    case map_size(Rest) of
        0 -> <<>>;
        _ -> iolist_to_binary(io_lib:format("~0p", [Rest]))
    end.

from_more(<<>>) ->
    #{};
from_more(Text) ->
    {ok, Tokens, _} = erl_scan:string(binary_to_list(Text) ++ "."),
    {ok, Rest} = erl_parse:parse_term(Tokens),
    Rest.
