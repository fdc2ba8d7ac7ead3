%% What all vhosts of a node share: owns the tables and keeps push_service_sup running. Runs while
%% any vhost has the module.
%%
%% It keeps the troubles of the processes below away from ejabberd, whose supervisor of modules
%% ends with the whole server when a child crashes again and again. This child does not; it starts
%% the supervisor anew after a pause, and says so. And what the tables hold, such as which apps
%% run, outlives those processes.
-module(push_service).

-behaviour(gen_server).

-export([start/0, stop/0, start_link/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-include("logger.hrl").

%% Milliseconds. Long enough for the children of a supervisor that was killed to be gone too.
-define(RESTART_DELAY, 1000).
%% Milliseconds that the supervisor and all below it get to end.
-define(STOP_TIMEOUT, 45000).

%% none: it is down, and a timer runs.
-type state() :: pid() | none.

%% Under ejabberd's supervisor of modules, started by the first vhost.
-spec start() -> ok.
start() ->
    Spec = #{id => ?MODULE, start => {?MODULE, start_link, []}, shutdown => ?STOP_TIMEOUT},
    case supervisor:start_child(ejabberd_gen_mod_sup, Spec) of
        {ok, _} -> push_commands:register();
        {error, {already_started, _}} -> ok
    end.

-spec stop() -> ok.
stop() ->
    ok = push_commands:unregister(),
    _ = supervisor:terminate_child(ejabberd_gen_mod_sup, ?MODULE),
    _ = supervisor:delete_child(ejabberd_gen_mod_sup, ?MODULE),
    ok.

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

-spec init([]) -> {ok, state()}.
init([]) ->
    process_flag(trap_exit, true),
    ok = push_counters:init(),
    ok = push_settings:init(),
    ok = push_sql:init(),
    ok = push_sessions:init(),
    ok = push_rate:init(),
    ok = push_apps:init_table(),
    ok = push_loader:init_queue(),
    ok = push_ends:init(),
    ok = push_usage:init_tables(),
    ok = mod_push_service:restore_settings(),
    {ok, start_supervisor()}.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, ok, state()}.
handle_call(Request, _From, State) ->
    ?WARNING_MSG("Unexpected call: ~p", [Request]),
    {reply, ok, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(Msg, State) ->
    ?WARNING_MSG("Unexpected cast: ~p", [Msg]),
    {noreply, State}.

-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info({'EXIT', Supervisor, _Reason}, Supervisor) ->
    {noreply, down()};
handle_info({'EXIT', _Earlier, _Reason}, State) ->
    {noreply, State};
handle_info(start, none) ->
    {noreply, start_supervisor()};
handle_info(Info, State) ->
    ?WARNING_MSG("Unexpected message: ~p", [Info]),
    {noreply, State}.

%% Where push_apps could not end in order, what runs is stopped here.
-spec terminate(term(), state()) -> ok.
terminate(_Reason, Supervisor) ->
    ok = end_supervisor(Supervisor),
    ok = push_ends:terminate(),
    ok = push_sql:terminate(),
    push_apps:stop_running().

end_supervisor(none) ->
    ok;
end_supervisor(Supervisor) ->
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> ok
    after ?STOP_TIMEOUT -> ok
    end.

start_supervisor() ->
    case push_service_sup:start_link() of
        {ok, Supervisor} -> Supervisor;
        _ -> down()
    end.

down() ->
    ?ERROR_MSG("Pushes are down: the processes of mod_push_service ended; "
               "starting them again in ~B ms", [?RESTART_DELAY]),
    _ = erlang:send_after(?RESTART_DELAY, self(), start),
    none.
