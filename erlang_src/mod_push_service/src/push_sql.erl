%% How push_devices_sql talks to ejabberd_sql: with a bound to the waiting, an outage said once,
%% and no token in the log.
%%
%% While a database is away, ejabberd_sql keeps each request for sql_query_timeout (a minute) until
%% it is there again. A client's session and push_loader cannot wait so long. So a request that no
%% connection took after PATIENCE is given up, surely undone; and from then until the next try,
%% once every RETRY_INTERVAL, all others fail at once.
-module(push_sql).

-export([init/0, terminate/0, query/2, query/3, transaction/2, transaction/3, lacks/2]).
%% For the logger
-export([redact/2]).
%% Pure
-export([trouble/1]).

-export_type([trouble/0, part/0]).

-include("logger.hrl").

-define(TABLE, push_sql).
%% Milliseconds until a connection must have begun with a request.
-define(PATIENCE, 5000).
%% Milliseconds between tries of a database that is away.
-define(RETRY_INTERVAL, 5000).

%% The states of a request.
-define(WAITING, 0).
-define(BEGUN, 1).
-define(GIVEN_UP, 2).

%% none: an error of this one request, which says nothing of the next.
-type trouble() :: away | no_table | none.

%% What is asked for. Where the table of removals is missing, devices are not concerned.
-type part() :: devices | removals.

%%% Life: push_service, which runs while any vhost has the module

%% The caller owns the table: which vhosts' databases are away.
-spec init() -> ok.
init() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    _ = logger:add_primary_filter(?MODULE, {fun ?MODULE:redact/2, []}),
    ok.

-spec terminate() -> ok.
terminate() ->
    _ = logger:remove_primary_filter(?MODULE),
    ok.

%%% Requests: the fun runs in a process of ejabberd_sql's, where sql_query_t is

%% For a read that needs no other to be of the same moment.
-spec query(Host :: binary(), fun(() -> T)) -> {ok, T} | {error, db_failure}.
query(Host, Fun) ->
    query(Host, devices, Fun).

-spec query(Host :: binary(), part(), fun(() -> T)) -> {ok, T} | {error, db_failure}.
query(Host, Part, Fun) ->
    request(Host, Part, fun(Guarded) ->
        case ejabberd_sql:sql_bloc(Host, fun() -> Guarded(Fun) end) of
            {atomic, Result} -> {ok, Result};
            Error -> Error
        end
    end).

%% May run the fun several times: what deadlocks is tried again by ejabberd_sql.
-spec transaction(Host :: binary(), fun(() -> T)) -> {ok, T} | {error, db_failure}.
transaction(Host, Fun) ->
    transaction(Host, devices, Fun).

-spec transaction(Host :: binary(), part(), fun(() -> T)) -> {ok, T} | {error, db_failure}.
transaction(Host, Part, Fun) ->
    request(Host, Part, fun(Guarded) ->
        case ejabberd_sql:sql_transaction(Host, fun() -> Guarded(Fun) end) of
            {atomic, Result} -> {ok, Result};
            Error -> Error
        end
    end).

%% Whether the last request for the part found that its table is not there.
-spec lacks(Host :: binary(), part()) -> boolean().
lacks(Host, Part) ->
    try ets:member(?TABLE, {Host, Part})
    catch error:badarg -> false
    end.

request(Host, Part, Ask) ->
    %% The part first: whoever is told that the vhost's database is not away has to try it.
    case (Part =/= devices andalso is_away({Host, Part})) orelse is_away(Host) of
        true -> {error, db_failure};
        false -> judged(Host, Part, ask(Ask))
    end.

%% In a process of its own, for ejabberd_sql's wait cannot be shortened.
ask(Ask) ->
    Asker = self(),
    Tag = make_ref(),
    State = atomics:new(1, []),
    Guarded = fun(Fun) -> guarded(State, Fun) end,
    {Pid, Monitor} = spawn_monitor(fun() -> Asker ! {Tag, Ask(Guarded)} end),
    receive
        {Tag, Answer} -> answered(Monitor, Answer);
        {'DOWN', Monitor, process, Pid, _} -> {error, crashed}
    after ?PATIENCE ->
        case atomics:compare_exchange(State, 1, ?WAITING, ?GIVEN_UP) of
            ok ->
                give_up(Pid, Monitor, Tag);
            _ ->
                %% Begun: only its end tells what was done. ejabberd_sql bounds the wait.
                receive
                    {Tag, Answer} -> answered(Monitor, Answer);
                    {'DOWN', Monitor, process, Pid, _} -> {error, crashed}
                end
        end
    end.

answered(Monitor, Answer) ->
    true = demonitor(Monitor, [flush]),
    Answer.

%% No message may come later: the asker may be a client's session.
give_up(Pid, Monitor, Tag) ->
    true = exit(Pid, kill),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end,
    receive {Tag, _} -> ok after 0 -> ok end,
    {error, given_up}.

%% An exception other than these two would end ejabberd_sql's connection.
guarded(State, Fun) ->
    case atomics:compare_exchange(State, 1, ?WAITING, ?BEGUN) of
        ?GIVEN_UP -> exit(given_up);
        _ -> ok
    end,
    Before = logger:get_process_metadata(),
    ok = logger:update_process_metadata(#{?MODULE => true}),
    try Fun()
    catch
        error:_:Stack ->
            %% Neither reason nor arguments: they hold tokens.
            ?ERROR_MSG("Push devices in SQL: a crash in ~p", [[{M, F} || {M, F, _, _} <- Stack]]),
            exit(crashed)
    after
        case Before of
            undefined -> logger:unset_process_metadata();
            _ -> logger:set_process_metadata(Before)
        end
    end.

%%% Outages

judged(Host, Part, {ok, _} = Ok) ->
    ok = is_back(Host),
    ok = is_back({Host, Part}),
    Ok;
judged(Host, Part, Error) ->
    case trouble(Error) of
        none -> ok;
        no_table when Part =/= devices -> begin_outage({Host, Part}, no_table);
        Trouble -> begin_outage(Host, Trouble)
    end,
    {error, db_failure}.

%% What a failure says of the next request. Only what concerns every request counts: a value that
%% the database refuses must not keep it from all others.
-spec trouble(term()) -> trouble().
trouble({error, Reason}) -> reason(Reason);
trouble({aborted, Reason}) -> reason(Reason);
trouble(_) -> none.

reason({error, Reason}) ->
    reason(Reason);
reason(Reason) when is_atom(Reason) ->
    case lists:member(Reason, [given_up, timeout, killed, noproc, normal, shutdown]) of
        true -> away;
        false -> none
    end;
reason(Reason) ->
    Text = unicode:characters_to_binary(io_lib:format("~0tp", [Reason])),
    Signs = [{no_table, ["no such table", "42P01", "does not exist", "doesn't exist"]},
             {away, ["timed out", "connection closed", "connection failed", "sending data",
                     "link failure", "overfilled", "terminated unexpectedly", "shutdown",
                     "killed", "57P0"]}],
    Found = [Trouble || {Trouble, Texts} <- Signs,
                        binary:match(Text, [list_to_binary(T) || T <- Texts]) =/= nomatch],
    case Found of
        [Trouble | _] -> Trouble;
        [] -> none
    end.

%% What: a vhost, or one part of what it has. True until the next try is due; who is told false
%% tries, the others are told true meanwhile.
is_away(What) ->
    Now = erlang:monotonic_time(millisecond),
    try ets:lookup(?TABLE, What) of
        [] ->
            false;
        [{_, RetryAt, _}] when Now < RetryAt ->
            _ = ets:update_counter(?TABLE, What, {3, 1}),
            true;
        [{_, RetryAt, Failed}] ->
            Next = Now + ?PATIENCE + ?RETRY_INTERVAL,
            ets:select_replace(?TABLE, [{{'$1', RetryAt, '_'}, [{'=:=', '$1', {const, What}}],
                                         [{{'$1', Next, Failed + 1}}]}]) =:= 0
    catch
        error:badarg -> false
    end.

begin_outage(What, Trouble) ->
    RetryAt = erlang:monotonic_time(millisecond) + ?RETRY_INTERVAL,
    try ets:insert_new(?TABLE, {What, RetryAt, 1}) of
        true -> say(What, Trouble);
        false -> _ = ets:update_element(?TABLE, What, {2, RetryAt}), ok
    catch
        error:badarg -> ok
    end.

say({Host, removals}, no_table) ->
    ?WARNING_MSG("The database of ~ts has no table push_removal: why devices are removed is in "
                 "the log alone. Load ~ts again to have it: what is there stays",
                 [Host, push_sql_schema:file(Host)]);
say(Host, away) ->
    ?ERROR_MSG("The database of ~ts does not answer: devices can be neither registered nor looked "
               "up until it does. Messages, and pushes to devices in memory, go on; logouts and "
               "dead devices are written when it does", [Host]);
say(Host, no_table) ->
    ?ERROR_MSG("The database of ~ts has not the tables of mod_push_service: load ~ts into it. No "
               "device can be registered until then", [Host, push_sql_schema:file(Host)]).

is_back(What) ->
    try ets:take(?TABLE, What) of
        [] -> ok;
        [{{Host, removals}, _, _}] ->
            ?INFO_MSG("The database of ~ts has the table push_removal now", [Host]);
        [{Host, _, Failed}] ->
            ?INFO_MSG("The database of ~ts answers push devices again; requests "
                      "that failed meanwhile: ~B", [Host, Failed])
    catch
        error:badarg -> ok
    end.

%%% The log

%% ejabberd_sql logs the whole text of a query that fails (on debug level, of every query).
-spec redact(logger:log_event(), term()) -> logger:filter_return().
redact(#{meta := #{?MODULE := true}, msg := Msg} = Event, _) ->
    %% The logger gives up a filter that crashed.
    Text = try hidden(Msg)
    catch
        _:_ -> "What push devices in SQL have to say cannot be shown"
    end,
    Event#{msg := {string, Text}};
redact(_, _) ->
    ignore.

hidden({report, _}) ->
    "A report on push devices in SQL, not shown";
hidden(Msg) ->
    Text = case Msg of
        {string, String} -> String;
        {Format, Args} -> io_lib:format(Format, Args)
    end,
    Hex = "([0-9A-Fa-f]{8})[0-9A-Fa-f]{9,}",
    unicode:characters_to_list(re:replace(Text, Hex, "\\1...", [global, unicode])).
