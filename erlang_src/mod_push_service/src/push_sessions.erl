%% Which devices are online on this node: sessions that live (and are not pending) and have a
%% device bound to them. A device that is online gets its messages there, so it needs no push for
%% a message that another session of the user lost. Written and read by the sessions' own
%% processes; a row never outlives its session's meaning, since a dead process is no session.
-module(push_sessions).

-export([init/0, bind/2, unbind/2, change/3, put/3, drop/2, others/2, online/1]).

-type us() :: {binary(), binary()}.
-type device_key() :: {App :: binary(), Token :: binary()}.

-define(TABLE, push_sessions).

%% The caller owns the table.
-spec init() -> ok.
init() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, ordered_set, {write_concurrency, true},
                              {read_concurrency, true}]),
    ok.

%% Tells a session's process that these devices are bound to it: push_service_hooks takes it there.
-spec bind(pid(), [push_devices:device()]) -> ok.
bind(Pid, Devices) ->
    ejabberd_c2s:cast(Pid, {push_service, bind, Devices}).

-spec unbind(pid(), [push_devices:device()]) -> ok.
unbind(Pid, Devices) ->
    ejabberd_c2s:cast(Pid, {push_service, unbind, Devices}).

%% The same for the session of this jid, where it has one.
-spec change(jid:jid(), bind | unbind, [push_devices:device()]) -> ok.
change(_JID, _Change, []) ->
    ok;
change(JID, Change, Devices) ->
    {U, S, R} = jid:tolower(JID),
    case ejabberd_sm:get_session_pid(U, S, R) of
        none -> ok;
        Pid when Change =:= bind -> bind(Pid, Devices);
        Pid -> unbind(Pid, Devices)
    end.

-spec put(us(), pid(), [device_key()]) -> ok.
put(US, Pid, []) ->
    drop(US, Pid);
put(US, Pid, Devices) ->
    try ets:insert(?TABLE, {{US, Pid}, Devices}) of
        true -> ok
    catch
        error:badarg -> ok
    end.

-spec drop(us(), pid()) -> ok.
drop(US, Pid) ->
    try ets:delete(?TABLE, {US, Pid}) of
        true -> ok
    catch
        error:badarg -> ok
    end.

%% Whether a session other than this one is online with a device of its own.
-spec others(us(), pid()) -> boolean().
others(US, Pid) ->
    lists:any(fun({Other, _}) -> Other =/= Pid end, rows(US)).

-spec online(us()) -> [device_key()].
online(US) ->
    lists:append([Devices || {_, Devices} <- rows(US)]).

rows(US) ->
    Pattern = {{US, '$1'}, '$2'},
    try ets:select(?TABLE, [{Pattern, [], [{{'$1', '$2'}}]}]) of
        Rows -> [Row || {Pid, _} = Row <- Rows, is_process_alive(Pid) orelse forget(US, Pid)]
    catch
        error:badarg -> []
    end.

%% It was killed, and could not drop its row itself.
forget(US, Pid) ->
    ok = drop(US, Pid),
    false.
