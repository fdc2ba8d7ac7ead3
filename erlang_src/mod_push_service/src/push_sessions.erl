%% Which session a device belongs to, and which devices are online on this node: those of sessions
%% that live and are not pending. A device that is online gets its messages there, so it needs no
%% push for a message that another session of the user lost. The table is written and read by the
%% sessions' own processes; a row never outlives its session's meaning, since a dead process is no
%% session.
%%
%% A client that logs in by SASL2 may tell its user agent (XEP-0388): an id that stays the same
%% while resources change, and that no other client has. Where there is none on either side, the
%% resource says whose device it is.
-module(push_sessions).

-export([init/0, learn/2, change/3, session/1, put/4, drop/2, take/3, others/2, online/1]).
%% Pure
-export([user_agent/2, binding/1, is_bound/2, leaves/2]).

-export_type([session/0, user_agent/0]).

-type us() :: {binary(), binary()}.
-type device_key() :: {App :: binary(), Token :: binary()}.
-type session() :: {Resource :: binary(), user_agent()}.
-type user_agent() :: none | {Name :: binary(), LoginAt :: integer()}.     %% Unix ms

-define(TABLE, push_sessions).

%% The caller owns the table.
-spec init() -> ok.
init() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, ordered_set, {write_concurrency, true},
                              {read_concurrency, true}]),
    ok.

%% What is kept of the id that the client gave: of a length that we choose, of no use elsewhere.
-spec user_agent(Id :: binary(), Now :: integer()) -> user_agent().
user_agent(<<>>, _Now) ->
    none;
user_agent(Id, Now) ->
    <<Name:16/binary, _/binary>> = crypto:hash(sha256, Id),
    {binary:encode_hex(Name), Now}.

%% What a device that comes from there keeps of it.
-spec binding(session()) -> #{resource := binary(), user_agent => binary()}.
binding({Resource, none}) -> #{resource => Resource};
binding({Resource, {Name, _}}) -> #{resource => Resource, user_agent => Name}.

%% Another session of the same user agent that registered the device after this one's login took it
%% over: this one is what is left of a lost connection.
-spec is_bound(push_devices:device(), session()) -> boolean().
is_bound(#{user_agent := Name, resource := R, registered_at := At}, {Resource, {Own, LoginAt}}) ->
    Name =:= Own andalso (R =:= Resource orelse At =< LoginAt);
is_bound(#{resource := R}, {Resource, _}) ->
    R =:= Resource.

%% Whether it goes with the session's logout, or with a new password.
-spec leaves(push_devices:device(), session() | password) -> boolean().
leaves(_Device, password) -> true;
leaves(#{remove_on_logout := Asked} = Device, Session) -> Asked andalso is_bound(Device, Session).

%% Tells a session's process all of its user's devices: push_service_hooks takes there which of
%% them are bound to it.
-spec learn(pid(), [push_devices:device()]) -> ok.
learn(Pid, Devices) ->
    ejabberd_c2s:cast(Pid, {push_service, learn, Devices}).

%% What the session of this jid, where it has one, has registered or unregistered.
-spec change(jid:jid(), bind | unbind, [push_devices:device()]) -> ok.
change(_JID, _Change, []) ->
    ok;
change(JID, Change, Devices) ->
    {U, S, R} = jid:tolower(JID),
    case ejabberd_sm:get_session_pid(U, S, R) of
        none -> ok;
        Pid -> ejabberd_c2s:cast(Pid, {push_service, Change, Devices})
    end.

%% The session that a request comes from. Of one on another node the user agent is not known.
-spec session(jid:jid()) -> session().
session(JID) ->
    {U, S, R} = jid:tolower(JID),
    Pid = ejabberd_sm:get_session_pid(U, S, R),
    try ets:lookup(?TABLE, {{U, S}, Pid}) of
        [{_, Agent, _}] -> {R, Agent};
        [] -> {R, none}
    catch
        error:badarg -> {R, none}
    end.

-spec put(us(), pid(), user_agent(), [device_key()]) -> ok.
put(US, Pid, none, []) ->
    drop(US, Pid);
put(US, Pid, Agent, Devices) ->
    try ets:insert(?TABLE, {{US, Pid}, Agent, Devices}) of
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

%% These devices are this session's now. One that had them before is of a phone that has gone on,
%% which the server may not have seen yet: it must not pass for online by it, nor take the devices
%% with it when it ends.
-spec take(us(), pid(), [device_key()]) -> ok.
take(_US, _Pid, []) ->
    ok;
take(US, Pid, Keys) ->
    lists:foreach(fun({Other, Devices}) ->
        case [Key || Key <- Devices, lists:member(Key, Keys)] of
            Taken when Taken =/= [], Other =/= Pid ->
                ejabberd_c2s:cast(Other, {push_service, taken, Taken});
            _ ->
                ok
        end
    end, rows(US)).

%% Whether a session other than this one is online with a device of its own.
-spec others(us(), pid()) -> boolean().
others(US, Pid) ->
    lists:any(fun({Other, Devices}) -> Other =/= Pid andalso Devices =/= [] end, rows(US)).

-spec online(us()) -> [device_key()].
online(US) ->
    lists:append([Devices || {_, Devices} <- rows(US)]).

rows(US) ->
    Pattern = {{US, '$1'}, '_', '$2'},
    try ets:select(?TABLE, [{Pattern, [], [{{'$1', '$2'}}]}]) of
        Rows -> [Row || {Pid, _} = Row <- Rows, is_process_alive(Pid) orelse forget(US, Pid)]
    catch
        error:badarg -> []
    end.

%% It was killed, and could not drop its row itself.
forget(US, Pid) ->
    ok = drop(US, Pid),
    false.
