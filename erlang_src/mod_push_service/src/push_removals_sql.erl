%% Removals of devices in SQL: one row for each. The table is in push_sql_schema and priv/sql; one
%% that a former version made lacks it, and then devices are kept and removed all the same.
%%
%% ejabberd tries a transaction that fails ten times more, and logs each. So once it is known that
%% the table is not there, it is looked for by a read alone: when the module starts, when somebody
%% asks, and once an hour before what is too old goes.
-module(push_removals_sql).

-behaviour(push_removals).

-export([init/2, add/3, lookup/1, forget/1, expire/3]).
%% As ejabberd's own modules have it
-export([sql_schemas/0]).

-include("ejabberd_sql_pt.hrl").

%% The records of newer versions' header.
-compile(nowarn_untyped_record).

%% Says at once what an admin has to do; the module starts all the same.
-spec init(Host :: binary(), gen_mod:opts()) -> ok.
init(Host, _Opts) ->
    ok = push_sql_schema:update(Host, ?MODULE),
    _ = lookup({<<>>, Host}),
    ok.

-spec sql_schemas() -> list().
sql_schemas() ->
    push_sql_schema:schemas(removals).

-spec add(push_devices:us(), [push_removals:removal()], pos_integer()) ->
    {ok, non_neg_integer()} | {error, db_failure}.
add({_, Host} = US, New, Max) ->
    transaction(Host, fun() ->
        lists:foreach(fun write/1, New),
        All = owned(US),
        Gone = All -- push_removals:kept(All, Max),
        lists:foreach(fun delete/1, Gone),
        length(Gone)
    end).

-spec lookup(push_devices:us()) -> {ok, [push_removals:removal()]} | {error, db_failure}.
lookup({_, Host} = US) ->
    push_sql:query(push_devices_sql:connection(Host), removals, fun() -> owned(US) end).

-spec forget(push_devices:us()) -> ok | {error, db_failure}.
forget({User, Host}) ->
    Answer = transaction(Host, fun() ->
        {updated, _} = ejabberd_sql:sql_query_t(
            ?SQL("delete from push_removal where username=%(User)s and %(Host)H"))
    end),
    case Answer of
        {ok, _} ->
            ok;
        Error ->
            %% Where there is no table there is nothing to forget.
            case is_lacking(Host) of
                true -> ok;
                false -> Error
            end
    end.

%% With those of the same millisecond as the last.
-spec expire(binary(), non_neg_integer(), pos_integer()) -> done | more | {error, db_failure}.
expire(Host, Before, Limit) ->
    %% The look for a table that was not there.
    _ = is_lacking(Host) andalso lookup({<<>>, Host}),
    Skipped = Limit - 1,
    Answer = transaction(Host, fun() ->
        {selected, Last} = ejabberd_sql:sql_query_t(
            ?SQL("select @(removed_at)d from push_removal where removed_at < %(Before)d"
                 " order by removed_at limit 1 offset %(Skipped)d")),
        {Until, Answer} = case Last of
            [] -> {Before - 1, done};
            [{At}] -> {At, more}
        end,
        {updated, _} = ejabberd_sql:sql_query_t(
            ?SQL("delete from push_removal where removed_at <= %(Until)d")),
        Answer
    end),
    case Answer of
        {ok, DoneOrMore} -> DoneOrMore;
        Error -> Error
    end.

transaction(Host, Fun) ->
    case is_lacking(Host) of
        true -> {error, db_failure};
        false -> push_sql:transaction(push_devices_sql:connection(Host), removals, Fun)
    end.

is_lacking(Host) ->
    push_sql:lacks(push_devices_sql:connection(Host), removals).

%%% Rows, in a process of ejabberd_sql's

owned({User, Host} = US) ->
    {selected, Rows} = ejabberd_sql:sql_query_t(
        ?SQL("select @(app)s, @(node)s, @(token)s, @(kind)s, @(device_id)s, @(name)s,"
             " @(removed_at)d, @(why)s from push_removal where username=%(User)s and %(Host)H")),
    [#{us => US, app => App, node => Node, token => Token, kind => push_devices_sql:kind(Kind),
       device_id => Id, name => Name, removed_at => At, why => Why}
     || {App, Node, Token, Kind, Id, Name, At, Why} <- Rows].

%% Of the code that the macro makes.
-dialyzer({nowarn_function, write/1}).

%% One device can be removed twice in a millisecond, hardly.
write(#{us := {User, Host}, app := App, node := Node, token := Token, kind := KindAtom,
        device_id := Id, name := Name, removed_at := At, why := Why}) ->
    Kind = atom_to_binary(KindAtom),
    ok = ?SQL_UPSERT_T("push_removal",
        ["!username=%(User)s", "!server_host=%(Host)s", "!node=%(Node)s", "!removed_at=%(At)d",
         "app=%(App)s", "token=%(Token)s", "kind=%(Kind)s", "device_id=%(Id)s", "name=%(Name)s",
         "why=%(Why)s"]).

delete(#{us := {User, Host}, node := Node, removed_at := At}) ->
    {updated, _} = ejabberd_sql:sql_query_t(
        ?SQL("delete from push_removal where username=%(User)s and %(Host)H"
             " and node=%(Node)s and removed_at=%(At)d")).
