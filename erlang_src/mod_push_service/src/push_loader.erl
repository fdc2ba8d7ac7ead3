%% Keeps the engines' copies of the devices in step with the database, off the hooks. One process
%% does all of it, in order: so no load that began before a change can overwrite what the change
%% wrote.
%%
%% Its queue is bounded: beyond MAX_QUEUE pushes are dropped and counted. Calls have more room, for
%% all of them come this way. Ends of devices have the most, for a lost one shows the next user of
%% a phone the messages of the last.
-module(push_loader).

-behaviour(gen_server).

-export([start_link/0, init_queue/0]).
%% From hooks: never wait
-export([push/1, learn/3, learn_sessions/1, logout/3]).
-export([token_invalid/4]).
%% From registrations and reloads: wait
-export([refresh/2, forget/2, forget_host/2, is_self/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, format_status/1]).

-include("logger.hrl").

-export_type([job/0, result/0]).

%% all: these apps' engines did not know the user. some: the devices that are not online and have
%% not had it yet.
-type job() ::
    {all, push_devices:us(), [notification()], so_far()}
    | {some, push_trigger:push(), Apps :: [binary()],
       Online :: [{App :: binary(), Token :: binary()}]}.

%% For push_trigger:settle/2: the other apps' answers count too.
-type so_far() :: {OnceKey :: iodata(), [push_trigger:answer()]}.
-type notification() :: {App :: binary(), OwnerKey :: binary(), Notification :: map()}.
-type result() :: ok | full.
%% Sessions that are still to be told their devices.
-type state() :: [session()].
-type session() :: {push_devices:us(), Resource :: binary(), pid()}.

-define(MAX_QUEUE, 10000).
-define(MAX_QUEUE_WITH_CALLS, 2 * ?MAX_QUEUE).
-define(MAX_QUEUE_WITH_ENDS, 10 * ?MAX_QUEUE).
%% Sessions told at a time: a look-up each, so a call in the queue waits for no more than these.
-define(MAX_TOLD, 100).

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

-spec init_queue() -> ok.
init_queue() ->
    persistent_term:put({?MODULE, queue}, atomics:new(1, [])).

%% Pushes that the hook could not place.
-spec push(job()) -> result().
push({some, #{notes := [{_, {call, _, _}} | _]}, _, _} = Job) ->
    enqueue({push, Job}, ?MAX_QUEUE_WITH_CALLS);
push(Job) ->
    enqueue({push, Job}, ?MAX_QUEUE).

%% A session began: which of the user's devices are bound to its resource?
-spec learn(push_devices:us(), Resource :: binary(), pid()) -> ok.
learn(US, Resource, Pid) ->
    _ = enqueue({learn, {US, Resource, Pid}}, ?MAX_QUEUE),
    ok.

%% The same for the sessions that a vhost has on this node already. The caller reads them, so that
%% the loader goes on meanwhile.
-spec learn_sessions(Host :: binary()) -> ok.
learn_sessions(Host) ->
    guarded(fun() -> enqueue({learn_sessions, sessions(Host)}, ?MAX_QUEUE) end).

sessions(Host) ->
    case lists:keymember(ejabberd, 1, application:which_applications()) of
        true ->
            %% #session{} of ejabberd_sm.hrl, a header that does not compile with our options: its
            %% fields have no types.
            [{{User, Server}, Resource, Pid}
             || {session, {_, Pid}, {User, Server, Resource}, _US, _Priority, _Info}
                    <- ejabberd_sm:dirty_get_my_sessions_list(), Server =:= Host];
        false ->
            %% It is starting, and takes no connections yet: why read those of a whole cluster?
            []
    end.

-spec logout(push_devices:us(), Resource :: binary(), Now :: non_neg_integer()) -> ok.
logout(US, Resource, Now) ->
    _ = enqueue({logout, US, Resource, Now}, ?MAX_QUEUE_WITH_ENDS),
    ok.

-spec token_invalid(App :: binary(), Token :: binary(), Timestamp :: non_neg_integer(),
                    Reason :: binary()) -> ok.
token_invalid(App, Token, Timestamp, Reason) ->
    _ = enqueue({token_invalid, App, Token, Timestamp, Reason}, ?MAX_QUEUE_WITH_ENDS),
    ok.

%% Returns when this node's engines have what the database holds. A loader that is behind is not
%% waited for longer than this; it will get there.
-spec refresh([push_devices:us()], timeout()) -> ok.
refresh(Owners, Timeout) ->
    case is_self() of
        true -> load_all(Owners);
        false -> refresh_there(Owners, Timeout)
    end.

refresh_there(Owners, Timeout) ->
    patient_call({refresh, Owners}, Timeout).

%% The same at less cost, for very many of whom few get a message soon: they become unknown to the
%% engines.
-spec forget([push_devices:us()], timeout()) -> ok.
forget(Owners, Timeout) ->
    patient_call({forget, Owners}, Timeout).

patient_call(Request, Timeout) ->
    try gen_server:call(?MODULE, Request, Timeout)
    catch
        exit:_ -> ok
    end.

-spec is_self() -> boolean().
is_self() ->
    whereis(?MODULE) =:= self().

%% All owners of a vhost become unknown to the engines; then Fun runs. For a change after which
%% copies mean something else.
-spec forget_host(Host :: binary(), fun(() -> ok)) -> ok.
forget_host(Host, Fun) ->
    try gen_server:call(?MODULE, {forget_host, Host, Fun}, infinity)
    catch
        %% It starts again just now; copies may stay old until their owners register again.
        exit:_ -> Fun()
    end.

enqueue(Msg, Limit) ->
    Queue = persistent_term:get({?MODULE, queue}),
    case atomics:add_get(Queue, 1, 1) of
        N when N =< Limit ->
            gen_server:cast(?MODULE, Msg);
        _ ->
            atomics:sub(Queue, 1, 1),
            ok = push_counters:add(loader_full),
            full
    end.

-spec init([]) -> {ok, state()}.
init([]) ->
    %% What was in the mailbox of a process that crashed is lost, and with it its count.
    ok = atomics:put(persistent_term:get({?MODULE, queue}), 1, 0),
    {ok, []}.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, ok, state()}.
handle_call({refresh, Owners}, _From, State) ->
    ok = guarded(fun() -> load_all(Owners) end),
    {reply, ok, State};
handle_call({forget, Owners}, _From, State) ->
    ok = guarded(fun() -> lists:foreach(fun forget_owner/1, Owners) end),
    {reply, ok, State};
handle_call({forget_host, Host, Fun}, _From, State) ->
    ok = guarded(fun() -> forget(Host) end),
    {reply, Fun(), State};
handle_call(Request, _From, State) ->
    ?WARNING_MSG("Unexpected call: ~p", [element(1, Request)]),
    {reply, ok, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(Msg, State) ->
    atomics:sub(persistent_term:get({?MODULE, queue}), 1, 1),
    case Msg of
        {learn_sessions, Sessions} ->
            {noreply, tell_sessions(Sessions ++ State)};
        _ ->
            ok = guarded(fun() -> handle(Msg) end),
            {noreply, State}
    end.

%% A crash would print the mailbox, and lose it.
guarded(Fun) ->
    try Fun() of
        _ -> ok
    catch
        Class:_:Stack ->
            %% Neither reason nor arguments: they hold payloads and tokens.
            ?ERROR_MSG("Push loader: ~p in ~p", [Class, [{M, F} || {M, F, _, _} <- Stack]])
    end.

-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info(_Info, State) ->
    ?WARNING_MSG("Unexpected message", []),
    {noreply, State}.

-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun(message, _) -> hidden;
                (log, _) -> [];
                (_, Value) -> Value
             end, Status).

handle({push, {all, US, Pushes, {OnceKey, SoFar}}}) ->
    %% A burst to one unknown user: the first of it has loaded the devices by now.
    Answers = notify_all(Pushes),
    Known = [Answer || {Answer, _} <- Answers, Answer =/= unknown_owner],
    Loaded = case [Push || {unknown_owner, Push} <- Answers] of
        [] -> [];
        Unknown -> load_and_notify(US, Unknown)
    end,
    push_trigger:settle(OnceKey, SoFar ++ Known ++ Loaded);
handle({push, {some, #{us := US} = Push, Apps, Online}}) ->
    case push_devices:list(US) of
        {ok, Devices} ->
            Offline = [D || #{app := App, token := Token} = D <- Devices, lists:member(App, Apps),
                            not lists:member({App, Token}, Online)],
            notify_each(Push, Offline);
        {error, db_failure} ->
            ok
    end;
handle({learn, Session}) ->
    tell_session(Session);
handle({logout, US, Resource, Now}) ->
    ok = push_devices:logout(US, Resource, Now),
    %% The session made the engines forget devices that it held to be its own. One that another
    %% session has registered since is still there.
    _ = load(US),
    ok;
handle({token_invalid, App, Token, Timestamp, Reason}) ->
    push_devices:token_invalid(App, Token, Timestamp, Reason).

%% Not all at once: what has come meanwhile gets its turn.
tell_sessions(Sessions) ->
    Now = lists:sublist(Sessions, ?MAX_TOLD),
    ok = guarded(fun() -> lists:foreach(fun tell_session/1, Now) end),
    case lists:nthtail(length(Now), Sessions) of
        [] ->
            [];
        Later ->
            %% Without a bound, or the rest would never be told; it is one at a time.
            ok = atomics:add(persistent_term:get({?MODULE, queue}), 1, 1),
            ok = gen_server:cast(self(), {learn_sessions, []}),
            Later
    end.

tell_session({US, Resource, Pid}) ->
    case push_devices:list(US) of
        {ok, Devices} ->
            %% None too: a session that was told nothing asks the database when it ends.
            push_sessions:bind(Pid, [D || #{resource := R} = D <- Devices, R =:= Resource]);
        {error, db_failure} ->
            ok
    end.

notify_all(Pushes) ->
    [{push_trigger:notify(App, OwnerKey, Notification), Push}
     || {App, OwnerKey, Notification} = Push <- Pushes].

%% At once with each owner of the user's: the next might take its room in a registry that is full.
load_and_notify(US, Pushes) ->
    Notify = fun(App, OwnerKey) ->
        notify_all([Push || {A, K, _} = Push <- Pushes, A =:= App, K =:= OwnerKey])
    end,
    case load(US, Notify) of
        {ok, Results} ->
            Answers = [Answer || {Answer, _} <- Results, Answer =/= unknown_owner],
            %% The app stopped in between, or the vhost's settings have changed.
            Others = length(Pushes) - length(Answers),
            ok = push_counters:add(app_down, Others),
            lists:duplicate(Others, refused) ++ Answers;
        {error, db_failure} ->
            [refused]
    end.

%% What some of the user's devices did not get otherwise. Each of them gets it once, whatever comes
%% of the user's further sessions.
notify_each(#{us := {_, Host}, key := Key, notes := Notes}, Devices) ->
    case push_settings:get(Host) of
        {ok, #{content := Content}} ->
            lists:foreach(fun(#{content := Wish} = Device) ->
                case proplists:get_value(push_content:stricter(Content, Wish), Notes) of
                    %% The level has changed since the notes were made.
                    undefined -> ok;
                    Note -> notify_once(Note, Device, Key)
                end
            end, meant(Notes, Devices));
        none ->
            ok
    end.

meant([{_, {message, _}} | _], Devices) ->
    [D || #{kind := alert} = D <- Devices];
meant([{_, {call, _, _}} | _], Devices) ->
    %% A phone is not silent for a token whose app is down.
    {Up, Down} = lists:partition(fun(#{app := App}) -> push_apps:is_running(App) end, Devices),
    ok = push_counters:add(app_down, length(Down)),
    push_devices:ringing(Up).

notify_once(Note, #{app := App, token := Token} = Device, Key) ->
    OnceKey = [<<"device">>, 0, App, 0, Token, 0, Key],
    case {push_once:remember(OnceKey), Note} of
        {first, {message, Notification}} ->
            push_trigger:settle(OnceKey, [push_trigger:notify(App, {token, Token}, Notification)]);
        {first, {call, Voip, Alert}} ->
            Form = case Device of
                #{kind := voip} -> Voip;
                #{kind := alert} -> Alert
            end,
            push_trigger:notify(App, {token, Token}, Form);
        {again, _} ->
            done
    end.

load_all(Owners) ->
    lists:foreach(fun(US) -> _ = load(US) end, Owners).

%% Tells the engines all devices of the user, the absence of any included.
load(US) ->
    load(US, fun(_App, _OwnerKey) -> [] end).

%% Then is called with each owner that an engine knows by now.
load({_, Host} = US, Then) ->
    case push_settings:get(Host) of
        {ok, Settings} -> load(US, Settings, Then);
        %% The module is not loaded for this host here, and there is no store to ask.
        none -> {ok, []}
    end.

load(US, #{apps := Apps, content := Content}, Then) ->
    case push_devices:list(US) of
        {ok, Devices} ->
            Running = [App || App <- maps:keys(Apps), push_apps:is_running(App)],
            ok = push_counters:add(loaded),
            {ok, lists:append([set_devices(App, US, Content, Devices, Then) || App <- Running])};
        {error, db_failure} ->
            {error, db_failure}
    end.

set_devices(App, US, Content, Devices, Then) ->
    Own = [D || #{app := A} = D <- Devices, A =:= App],
    lists:append([begin
        Mine = [maps:with([token, kind, registered_at], D)
                || #{content := Wish} = D <- Own, push_content:stricter(Content, Wish) =:= Level],
        ok = engine(fun() -> apns_nif:set_devices(App, OwnerKey, Mine) end),
        Then(App, OwnerKey)
    end || {Level, OwnerKey} <- push_trigger:owner_keys(US, Content)]).

forget_owner({_, Host} = US) ->
    case push_settings:get(Host) of
        {ok, #{apps := Apps, content := Content}} ->
            Running = [App || App <- maps:keys(Apps), push_apps:is_running(App)],
            forget_owners(Running, [US], Content);
        none ->
            ok
    end.

forget_owners(Running, Owners, Content) ->
    [engine(fun() -> apns_nif:forget_owner(App, OwnerKey) end)
     || App <- Running, US <- Owners, {_, OwnerKey} <- push_trigger:owner_keys(US, Content)],
    ok.

forget(Host) ->
    case push_settings:get(Host) of
        {ok, #{apps := Apps, content := Content}} ->
            forget(Host, [App || App <- maps:keys(Apps), push_apps:is_running(App)], Content);
        none ->
            ok
    end.

%% Where no app runs, as at the start of ejabberd, no engine knows anybody.
forget(_Host, [], _Content) ->
    ok;
forget(Host, Running, Content) ->
    case (push_devices:backend(Host)):owners(Host) of
        {ok, Owners} ->
            forget_owners(Running, Owners, Content);
        {error, db_failure} ->
            ok
    end.

%% An app may stop in between, the library may be gone: the registry with it, and nothing is wrong.
engine(Fun) ->
    try Fun() of
        ok -> ok;
        {error, unknown_app} -> ok;
        {error, _} -> push_counters:add(refused)
    catch
        error:_ -> ok
    end.
