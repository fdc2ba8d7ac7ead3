%% What ejabberd calls: messages that reached nobody, the life of sessions, requests of clients.
%% All of it runs in others' processes: it never waits (registrations aside, which hold up their
%% own session only), returns its accumulator in all clauses, and never crashes with a stanza in
%% hand, since ejabberd would log that stanza.
-module(push_service_hooks).

-export([register/1, unregister/1]).
%% Messages
-export([sm_receive_packet/1, offline_seen/1, offline_message/1, c2s_handle_send/3,
         c2s_session_pending/1]).
%% Sessions
-export([c2s_handle_sasl2_inline/1, c2s_session_opened/1, c2s_session_resumed/1,
         c2s_copy_session/2, c2s_closed/2, c2s_terminated/2, c2s_handle_cast/2]).
%% Requests
-export([process_iq/1, adhoc_local_commands/4]).
%% Accounts
-export([remove_user/2]).
%% For push_component
-export([request/2]).

-include("logger.hrl").
-include("xmpp.hrl").
-include("translate.hrl").

%% Messages of a lost session's queue that are pushed at most, the newest: its phone's screen
%% holds no more.
-define(MAX_PENDING, 100).

-type c2s_state() :: ejabberd_c2s:state().

%% {Hook, Function, Sequence}; the same list adds and deletes. Calling a hook costs a message more
%% than most of our functions take: of those that run for each message there are as few as can be.
-spec hooks() -> [{atom(), atom(), 0..100}].
hooks() ->
    [{sm_receive_packet, sm_receive_packet, 60},        %% after mod_mam (50): its stanza_id
     %% Equal sequences run in the order of modules' names: after mod_mam (49), before mod_offline
     %% (50), which ends the hook when the user's queue is full.
     {offline_message_hook, offline_seen, 49},
     {offline_message_hook, offline_message, 52},       %% after mod_offline's verdict (50)
     {c2s_handle_send, c2s_handle_send, 55},
     {c2s_session_pending, c2s_session_pending, 55},
     %% From 24.02 on. Before mod_stream_mgmt (50), which resumes a session there.
     {c2s_handle_sasl2_inline, c2s_handle_sasl2_inline, 40},
     {c2s_session_opened, c2s_session_opened, 55},
     {c2s_session_resumed, c2s_session_resumed, 55},
     {c2s_copy_session, c2s_copy_session, 55},
     {c2s_closed, c2s_closed, 40},                      %% mod_stream_mgmt (50) may end these two
     {c2s_terminated, c2s_terminated, 40},
     {c2s_handle_cast, c2s_handle_cast, 40},
     {adhoc_local_commands, adhoc_local_commands, 50},
     {remove_user, remove_user, 110}].                  %% after ejabberd_sm (100) ends sessions

%% Adding what is there already changes nothing.
-spec register(Host :: binary()) -> ok.
register(Host) ->
    ok = push_discovery:register(Host),
    lists:foreach(fun({Hook, Function, Seq}) ->
        ejabberd_hooks:add(Hook, Host, ?MODULE, Function, Seq)
    end, hooks()),
    update_iq_handler(Host).

-spec unregister(Host :: binary()) -> ok.
unregister(Host) ->
    case iq_handler(Host) of
        ?MODULE -> gen_iq_handler:remove_iq_handler(ejabberd_sm, Host, ?NS_PUSH_0);
        _ -> ok
    end,
    ok = push_discovery:unregister(Host),
    lists:foreach(fun({Hook, Function, Seq}) ->
        ejabberd_hooks:delete(Hook, Host, ?MODULE, Function, Seq)
    end, hooks()).

%% One slot per namespace, and mod_push takes it without asking; our own requests never get this
%% far. Where mod_push is not, somebody must say that there is no other service.
-spec update_iq_handler(Host :: binary()) -> ok.
update_iq_handler(Host) ->
    case iq_handler(Host) of
        none -> gen_iq_handler:add_iq_handler(ejabberd_sm, Host, ?NS_PUSH_0, ?MODULE, process_iq);
        _ -> ok
    end.

iq_handler(Host) ->
    case ets:lookup(ejabberd_sm, {Host, ?NS_PUSH_0}) of
        [{_, Module, _}] -> Module;
        [] -> none
    end.

%%% Messages

-spec sm_receive_packet(stanza() | drop) -> stanza() | drop | {stop, drop}.
sm_receive_packet(#message{} = Msg) -> push_trigger:mark(Msg);
sm_receive_packet(#iq{} = IQ) -> registration(IQ);
sm_receive_packet(Acc) -> Acc.

-spec offline_seen({atom(), message()}) -> {atom(), message()}.
offline_seen(Acc) ->
    ok = push_counters:add(offline_seen),
    Acc.

%% offlined and archived: somebody stores it for later. A call rings though nobody does. pass: an
%% import of old messages. bounce: its sender is told that it did not arrive.
-spec offline_message({atom(), message()}) -> {atom(), message()}.
offline_message({Action, #message{to = #jid{luser = U, lserver = S}} = Msg} = Acc) ->
    ok = push_counters:add(offline_decided),
    guarded(fun() ->
        IsStored = Action =:= offlined orelse Action =:= archived,
        case IsStored orelse (Action =:= bounce andalso push_policy:call(Msg) =/= none) of
            true -> push_trigger:message(offline, {U, S}, Msg);
            false -> ok
        end
    end),
    Acc;
offline_message(Acc) ->
    Acc.

%% A session whose phone is gone takes messages for as long as it may be resumed: the offline hook
%% does not see them.
-spec c2s_handle_send(c2s_state(), xmpp_element() | xmlel(), term()) -> c2s_state().
c2s_handle_send(#{mgmt_state := pending} = State, #message{} = Msg, _Result) ->
    pending(State, [Msg]);
c2s_handle_send(State, _Pkt, _Result) ->
    State.

-spec c2s_session_pending(c2s_state()) -> c2s_state().
c2s_session_pending(State) ->
    ok = push_sessions:drop(us(State), self()),
    unacknowledged(State).

%% What was sent into the dead socket and never acknowledged.
unacknowledged(#{mgmt_queue := Queue} = State) ->
    guarded(fun() ->
        Messages = [Msg || {_, _, #message{} = Msg} <- p1_queue:to_list(Queue)],
        Excess = max(0, length(Messages) - ?MAX_PENDING),
        ok = push_counters:add(pending_skipped, Excess),
        pending(State, lists:nthtail(Excess, Messages))
    end),
    State;
unacknowledged(State) ->
    State.

pending(State, Messages) ->
    US = us(State),
    lists:foreach(fun(Msg) ->
        guarded(fun() -> push_trigger:message({pending, self()}, US, Msg) end)
    end, Messages),
    State.

guarded(Fun) ->
    try Fun() of
        _ -> ok
    catch
        Class:_:Stack -> crashed("Push hook", Class, Stack)
    end.

%% Neither reason nor arguments: they may hold the stanza.
crashed(What, Class, Stack) ->
    ?ERROR_MSG("~s: ~p in ~p", [What, Class, [{M, F} || {M, F, _, _} <- Stack]]),
    push_counters:add(hook_crashed).

%%% Sessions
%% Under push_service a session's state has the devices that are bound to it, under
%% push_service_agent its user agent, where it told one.

%% The id that ejabberd has is gone from the state when the login is done.
-spec c2s_handle_sasl2_inline({c2s_state(), list(), list()}) -> {c2s_state(), list(), list()}.
c2s_handle_sasl2_inline({#{sasl2_ua_id := Id} = State, Els, Results}) when is_binary(Id) ->
    Agent = push_sessions:user_agent(Id, erlang:system_time(millisecond)),
    {State#{push_service_agent => Agent}, Els, Results};
c2s_handle_sasl2_inline(Acc) ->
    Acc.

-spec c2s_session_opened(c2s_state()) -> c2s_state().
c2s_session_opened(State) ->
    ok = push_loader:learn(us(State), self()),
    online(State).

-spec c2s_session_resumed(c2s_state()) -> c2s_state().
c2s_session_resumed(State) ->
    online(State).

-spec c2s_copy_session(c2s_state(), c2s_state()) -> c2s_state().
c2s_copy_session(State, Former) ->
    %% Who resumed it by SASL2 has just told the user agent.
    maps:merge(maps:with([push_service, push_service_agent], Former), State).

%% {stream, reset} is a client's own </stream:stream>; nothing else is a logout. The engines
%% forget at once, so that the very next message finds no device; the database follows.
-spec c2s_closed(c2s_state(), term()) -> c2s_state().
c2s_closed(#{push_service := Devices} = State, {stream, reset}) ->
    US = us(State),
    Leaving = [D || #{remove_on_logout := true} = D <- Devices],
    guarded(fun() -> forget(US, Leaving) end),
    case Leaving of
        [] -> ok;
        _ -> ok = push_loader:logout(US, session(State), told, erlang:system_time(millisecond))
    end,
    State;
%% It was not told its devices yet, or there was no room to ask for them: the database knows.
c2s_closed(#{jid := #jid{lresource = R}} = State, {stream, reset}) when R =/= <<>> ->
    ok = push_loader:logout(us(State), session(State), untold, erlang:system_time(millisecond)),
    State;
c2s_closed(State, _Reason) ->
    State.

forget({_, Host} = US, Devices) ->
    case push_settings:get(Host) of
        {ok, #{content := Content}} ->
            [apns_nif:unregister_token(App, OwnerKey, Token)
             || #{app := App, token := Token} <- Devices, push_apps:is_running(App),
                {_, OwnerKey} <- push_trigger:owner_keys(US, Content)];
        none ->
            []
    end.

-spec c2s_terminated(c2s_state(), term()) -> c2s_state().
c2s_terminated(#{jid := #jid{}} = State, _Reason) ->
    ok = push_sessions:drop(us(State), self()),
    lost(State);
c2s_terminated(State, _Reason) ->
    State.

%% A session that its client does not want to resume ends with its connection and is never pending.
lost(#{mgmt_state := active, mgmt_timeout := 0, stop_reason := {socket, _}} = State) ->
    unacknowledged(State);
lost(State) ->
    State.

-spec c2s_handle_cast(c2s_state(), term()) -> c2s_state() | {stop, c2s_state()}.
c2s_handle_cast(State, {push_service, learn, All}) ->
    Session = session(State),
    {stop, bind(State, [D || D <- All, push_sessions:is_bound(D, Session)])};
c2s_handle_cast(State, {push_service, bind, Devices}) ->
    {stop, bind(State, Devices)};
c2s_handle_cast(State, {push_service, unbind, Devices}) ->
    {stop, unbind(State, [device_key(D) || D <- Devices])};
c2s_handle_cast(State, {push_service, taken, Keys}) ->
    {stop, unbind(State, Keys)};
c2s_handle_cast(State, _Msg) ->
    State.

bind(State, Devices) ->
    Keys = [device_key(D) || D <- Devices],
    ok = push_sessions:take(us(State), self(), Keys),
    online(State#{push_service => without(State, Keys) ++ Devices}).

unbind(State, Keys) ->
    online(State#{push_service => without(State, Keys)}).

without(State, Keys) ->
    [D || D <- maps:get(push_service, State, []), not lists:member(device_key(D), Keys)].

device_key(#{app := App, token := Token}) ->
    {App, Token}.

%% A pending session is not online, and comes back through c2s_session_resumed.
online(#{mgmt_state := pending} = State) ->
    State;
online(State) ->
    Keys = [device_key(D) || D <- maps:get(push_service, State, [])],
    ok = push_sessions:put(us(State), self(), maps:get(push_service_agent, State, none), Keys),
    State.

-spec session(c2s_state()) -> push_sessions:session().
session(#{jid := #jid{lresource = R}} = State) ->
    {R, maps:get(push_service_agent, State, none)}.

us(#{jid := #jid{luser = U, lserver = S}}) ->
    {U, S}.

%%% Requests

%% For our service. Here and not in an IQ handler: see update_iq_handler/1. At this point the child
%% is still raw XML, and this is the process of the session that asks. A sender's name is its own:
%% ejabberd writes it itself for sessions, and takes none of its vhosts from servers or components.
registration(#iq{type = Type, sub_els = [#xmlel{name = Name} = El],
                 from = #jid{luser = U, lserver = S, lresource = R} = From,
                 to = #jid{luser = U, lserver = S, lresource = <<>>}} = IQ)
  when (Type =:= set orelse Type =:= get), R =/= <<>>,
       (Name =:= <<"enable">> orelse Name =:= <<"disable">> orelse Name =:= <<"push">>) ->
    Action = action(xmpp:get_ns(El), Name),
    case Action =/= none andalso addressed(Action, El, S) of
        {true, Settings} when Type =:= set ->
            ejabberd_router:route(answer(Action, IQ, From, El, Settings)),
            {stop, drop};
        {true, _} ->
            Text = ?T("Value 'get' of 'type' attribute is not allowed"),
            ejabberd_router:route_error(IQ, xmpp:err_not_allowed(Text, IQ#iq.lang)),
            {stop, drop};
        false ->
            IQ
    end;
registration(IQ) ->
    IQ.

action(?NS_PUSH_0, <<"enable">>) -> enable;
action(?NS_PUSH_0, <<"disable">>) -> disable;
action(<<"p1:push">>, <<"push">>) -> p1_push;
action(<<"p1:push">>, <<"disable">>) -> p1_disable;
action(_, _) -> none.

%% Whether it is for us: XEP-0357 names the service, p1:push none.
addressed(Action, El, Host) ->
    case push_settings:get(Host) of
        {ok, Settings} when Action =:= p1_push; Action =:= p1_disable ->
            {true, Settings};
        {ok, #{service := Service} = Settings} ->
            try jid:tolower(jid:decode(fxml:get_tag_attr_s(<<"jid">>, El))) of
                {<<>>, Service, <<>>} -> {true, Settings};
                _ -> false
            catch
                error:_ -> false
            end;
        none ->
            false
    end.

answer(Action, IQ, JID, El, Settings) ->
    Node = fxml:get_tag_attr_s(<<"node">>, El),
    Answer = request("Push registration", fun() ->
        case Action of
            enable -> push_registration:enable(JID, Node, El, Settings);
            disable -> push_registration:disable(JID, Node, El, Settings);
            p1_push -> push_registration:p1_push(JID, El, Settings);
            p1_disable -> push_registration:p1_disable(JID)
        end
    end),
    case Answer of
        {ok, Devices} ->
            ok = push_sessions:change(JID, change(Action), Devices),
            xmpp:make_iq_result(IQ);
        {error, Error} ->
            xmpp:make_error(IQ, Error)
    end.

change(enable) -> bind;
change(p1_push) -> bind;
change(disable) -> unbind;
change(p1_disable) -> unbind.

%% Requests for another service's jid or another user, where mod_push is not there to serve them.
-spec process_iq(iq()) -> iq().
process_iq(#iq{from = #jid{luser = U, lserver = S},
               to = #jid{luser = U, lserver = S}, lang = Lang} = IQ) ->
    Text = case push_settings:get(S) of
        {ok, #{service := Service}} -> <<"The push service here is ", Service/binary>>;
        none -> ?T("No module is handling this query")
    end,
    xmpp:make_error(IQ, xmpp:err_item_not_found(Text, Lang));
process_iq(#iq{lang = Lang} = IQ) ->
    Text = ?T("This request must go to your own account: send it without 'to'"),
    xmpp:make_error(IQ, xmpp:err_not_allowed(Text, Lang)).

-spec adhoc_local_commands(term(), jid(), jid(), adhoc_command()) -> term().
adhoc_local_commands(Acc, From, #jid{lserver = Host} = To, Request) ->
    case push_settings:get(Host) of
        {ok, Settings} ->
            Answer = request("Push command", fun() ->
                push_adhoc:command(From, To, Request, Settings)
            end),
            case Answer of
                not_ours ->
                    Acc;
                {error, _} = Error ->
                    {stop, Error};
                {Change, Devices, Reply} ->
                    ok = push_sessions:change(From, Change, Devices),
                    {stop, Reply}
            end;
        none ->
            Acc
    end.

%% What the request comes to; a crash of ours is an error of the server's.
-spec request(What :: string(), fun(() -> T)) -> T | {error, stanza_error()}.
request(What, Fun) ->
    try
        Fun()
    catch
        Class:_:Stack ->
            ok = crashed(What, Class, Stack),
            {error, xmpp:err_internal_server_error()}
    end.

%%% Accounts

-spec remove_user(binary(), binary()) -> ok.
remove_user(User, Server) ->
    US = {jid:nodeprep(User), jid:nameprep(Server)},
    guarded(fun() -> push_devices:remove_user(US) end).
