%% Keeps the engines' copies of the devices in step with the database, off the hooks. One process
%% does all of it, in order: so no load that began before a change can overwrite what the change
%% wrote. How a copy is made is in push_copies.
%%
%% Its queue is bounded: beyond MAX_QUEUE pushes are dropped and counted. Calls have more room, for
%% all of them come this way. Ends of devices have the most, for a lost one shows the next user of
%% a phone the messages of the last; those that the database does not take wait in push_ends.
-module(push_loader).

-behaviour(gen_server).

-export([start_link/0, init_queue/0]).
%% From hooks: never wait
-export([push/1, learn/2, learn_sessions/1, logout/4, account_removed/2]).
-export([token_invalid/5]).
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
-record(state, {
    sessions = [] :: [session()],       %% that are still to be told their devices
    repeated = 0 :: non_neg_integer()   %% ends that the database took after all, and not said yet
}).
-type session() :: {push_devices:us(), pid()}.

-define(MAX_QUEUE, 10000).
-define(MAX_QUEUE_WITH_CALLS, 2 * ?MAX_QUEUE).
-define(MAX_QUEUE_WITH_ENDS, 10 * ?MAX_QUEUE).
%% Sessions told at a time: a look-up each, so a call in the queue waits for no more than these.
-define(MAX_TOLD, 100).
%% Milliseconds between two tries of what a database did not take.
-define(REPEAT_INTERVAL, 5000).

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

%% A session began: which of the user's devices are bound to it?
-spec learn(push_devices:us(), pid()) -> ok.
learn(US, Pid) ->
    _ = enqueue({learn, {US, Pid}}, ?MAX_QUEUE),
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
            [{{User, Server}, Pid}
             || {session, {_, Pid}, {User, Server, _Resource}, _US, _Priority, _Info}
                    <- ejabberd_sm:dirty_get_my_sessions_list(), Server =:= Host];
        false ->
            %% It is starting, and takes no connections yet: why read those of a whole cluster?
            []
    end.

%% told: the session knew its devices, and made the engines forget those that go.
-spec logout(push_devices:us(), push_sessions:session() | password, told | untold,
             Now :: non_neg_integer()) -> ok.
logout(US, Session, Told, Now) ->
    _ = enqueue({logout, US, Session, Told, Now}, ?MAX_QUEUE_WITH_ENDS),
    ok.

%% And the database did not take it.
-spec account_removed(push_devices:us(), Now :: non_neg_integer()) -> ok.
account_removed(US, Now) ->
    _ = enqueue({account_removed, US, Now}, ?MAX_QUEUE_WITH_ENDS),
    ok.

%% OwnerKey: whom the engine had it from; none: it does not say.
-spec token_invalid(App :: binary(), OwnerKey :: binary() | none, Token :: binary(),
                    Timestamp :: non_neg_integer(), Reason :: binary()) -> ok.
token_invalid(App, OwnerKey, Token, Timestamp, Reason) ->
    _ = enqueue({token_invalid, App, OwnerKey, Token, Timestamp, Reason}, ?MAX_QUEUE_WITH_ENDS),
    ok.

%% Returns when this node's engines have what the database holds. A loader that is behind is not
%% waited for longer than this; it will get there.
-spec refresh([push_devices:us()], timeout()) -> ok.
refresh(Owners, Timeout) ->
    case is_self() of
        true -> push_copies:load_all(Owners);
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

%% All owners of a vhost's apps become unknown to the engines; then Fun runs. For a change after
%% which copies mean something else.
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

-spec init([]) -> {ok, #state{}}.
init([]) ->
    %% What was in the mailbox of a process that crashed is lost, and with it its count; and the
    %% engines do not know what it was.
    ok = atomics:put(persistent_term:get({?MODULE, queue}), 1, 0),
    ok = guarded(fun push_copies:forget_all/0),
    ok = net_kernel:monitor_nodes(true),
    _ = erlang:send_after(?REPEAT_INTERVAL, self(), repeat),
    {ok, #state{}}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, ok, #state{}}.
handle_call({refresh, Owners}, _From, State) ->
    ok = guarded(fun() -> push_copies:load_all(Owners) end),
    {reply, ok, State};
handle_call({forget, Owners}, _From, State) ->
    ok = guarded(fun() -> lists:foreach(fun push_copies:forget/1, Owners) end),
    {reply, ok, State};
handle_call({forget_host, Host, Fun}, _From, State) ->
    ok = guarded(fun() -> push_copies:forget_host(Host) end),
    {reply, Fun(), State};
handle_call(Request, _From, State) ->
    ?WARNING_MSG("Unexpected call: ~p", [element(1, Request)]),
    {reply, ok, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(Msg, State) ->
    atomics:sub(persistent_term:get({?MODULE, queue}), 1, 1),
    case Msg of
        {learn_sessions, Sessions} ->
            Later = tell_sessions(Sessions ++ State#state.sessions),
            {noreply, State#state{sessions = Later}};
        _ ->
            ok = guarded(fun() -> handle(Msg) end),
            {noreply, State}
    end.

%% A crash would print the mailbox, and lose it.
guarded(Fun) ->
    try Fun() of
        _ -> ok
    catch
        Class:_:Stack -> crashed(Class, Stack)
    end.

%% Neither reason nor arguments: they hold payloads and tokens.
crashed(Class, Stack) ->
    ?ERROR_MSG("Push loader: ~p in ~p", [Class, [{M, F} || {M, F, _, _} <- Stack]]).

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info(repeat, #state{repeated = Before} = State) ->
    {Pause, Repeated} = case repeat() of
        none -> {?REPEAT_INTERVAL, Before};
        {later, N} -> {?REPEAT_INTERVAL, Before + N};
        %% What has come meanwhile has its turn.
        {more, N} -> {0, Before + N};
        {all, N} -> ok = say_repeated(Before + N), {?REPEAT_INTERVAL, 0}
    end,
    _ = erlang:send_after(Pause, self(), repeat),
    {noreply, State#state{repeated = Repeated}};
handle_info({Change, Node}, State) when Change =:= nodedown; Change =:= nodeup ->
    ok = guarded(fun() -> push_copies:node_changed(Change, Node) end),
    {noreply, State};
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
    case push_copies:list(US) of
        {ok, Devices} ->
            Offline = [D || #{app := App, token := Token} = D <- Devices, lists:member(App, Apps),
                            not lists:member({App, Token}, Online)],
            notify_each(Push, Offline);
        {error, db_failure} ->
            push_counters:add(unread)
    end;
handle({learn, Session}) ->
    tell_session(Session);
handle({logout, US, Session, Told, Now}) ->
    case push_devices:logout(US, Session, Now) of
        ok ->
            %% The session made the engines forget devices that it held to be its own. One that
            %% another session has registered since is still there.
            _ = push_copies:load(US),
            ok;
        {error, db_failure} ->
            ok = push_ends:keep({logout, US, Session}, Now, none),
            %% Which of the user's devices it is only the database knows. None is pushed to,
            %% rather than a phone that the next user holds by now.
            case Told of
                told -> ok;
                untold -> push_copies:forget(US)
            end
    end;
handle({account_removed, US, Now}) ->
    ok = push_ends:keep({account, US}, Now, none),
    push_copies:forget(US);
handle({token_invalid, App, OwnerKey, Token, Timestamp, Reason}) ->
    case push_devices:token_invalid(App, Token, Timestamp, Reason) of
        ok ->
            ok;
        {error, db_failure} ->
            ok = push_ends:keep({token, App, Token}, Timestamp, {Reason, OwnerKey}),
            push_copies:remove(App, OwnerKey, Token)
    end.

%% What a database did not take.
repeat() ->
    try push_ends:repeat(fun repeat/3)
    catch
        Class:_:Stack ->
            ok = crashed(Class, Stack),
            {later, 0}
    end.

repeat({logout, US, Session}, Now, none) ->
    where_loaded(US, fun() -> push_devices:logout(US, Session, Now) end);
repeat({account, US}, Now, none) ->
    where_loaded(US, fun() -> push_devices:account_removed(US, Now) end);
repeat({token, App, Token}, Timestamp, {Reason, OwnerKey}) ->
    case push_devices:token_invalid(App, Token, Timestamp, Reason) of
        %% The engine was made to forget a device that may have been registered again.
        ok -> push_copies:forget(App, OwnerKey);
        Error -> Error
    end.

%% Where the module was stopped it can be started again.
where_loaded({_, Host} = US, Fun) ->
    case push_settings:get(Host) =/= none andalso Fun() of
        ok -> push_copies:forget(US);
        false -> {error, db_failure};
        Error -> Error
    end.

say_repeated(0) ->
    ok;
say_repeated(N) ->
    ?INFO_MSG("Logouts and dead devices that the database had not taken are done: ~B", [N]).

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

tell_session({US, Pid}) ->
    case push_copies:list(US) of
        {ok, Devices} ->
            %% None too: a session that was told nothing asks the database when it ends.
            push_sessions:learn(Pid, Devices);
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
    case push_copies:load(US, Notify) of
        {ok, Results} ->
            Answers = [Answer || {Answer, _} <- Results, Answer =/= unknown_owner],
            %% The app stopped in between, or the vhost's settings have changed.
            Others = length(Pushes) - length(Answers),
            ok = push_counters:add(app_down, Others),
            lists:duplicate(Others, refused) ++ Answers;
        {error, db_failure} ->
            ok = push_counters:add(unread),
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
