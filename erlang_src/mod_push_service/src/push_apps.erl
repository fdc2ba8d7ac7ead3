%% The apps of this node: started for the vhosts that name them, shared between them, stopped with
%% the last. One process starts and stops them and receives their events.
%%
%% Neither a missing library nor a bad key stops ejabberd: the app is down, one log line says so
%% and why, and every RETRY_INTERVAL it is tried again.
-module(push_apps).

-behaviour(gen_server).

-export([start_link/0, init_table/0, set_host/2, is_running/1, running/0, stop_running/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, format_status/1]).

-include("logger.hrl").

-define(TABLE, push_apps).
%% Milliseconds between two tries to start what is down.
-define(RETRY_INTERVAL, 5000).
%% Milliseconds that pushes inside an engine get to end by themselves.
-define(DRAIN_TIMEOUT, 3000).
%% Milliseconds that a vhost's start waits; starting an app reads files, stopping one drains.
-define(CALL_TIMEOUT, 60000).

-type app() :: binary().
-type config() :: apns_nif:config().
-record(app, {
    wanted = #{} :: #{Host :: binary() => config()},
    started = false :: boolean(),                 %% by us, and not stopped since
    said = none :: none | binary() | conflict     %% the trouble that the log knows of
}).
-record(state, {
    apps = #{} :: #{app() => #app{}},
    alarms = #{} :: #{app() => none | binary()},  %% see push_events:handle_all/3
    timer = none :: none | reference()
}).

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The caller owns the table: what runs outlives a crash of this process.
-spec init_table() -> ok.
init_table() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    ok.

%% The vhost wants these apps and no others from now on. Does not fail where an app cannot start.
-spec set_host(Host :: binary(), #{app() => config()}) -> ok.
set_host(Host, Apps) ->
    gen_server:call(?MODULE, {set_host, Host, Apps}, ?CALL_TIMEOUT).

%% Asked by every hook before it calls the engine.
-spec is_running(app()) -> boolean().
is_running(App) ->
    try ets:member(?TABLE, App)
    catch error:badarg -> false
    end.

-spec running() -> [app()].
running() ->
    try [App || {App, _} <- ets:tab2list(?TABLE)]
    catch error:badarg -> []
    end.

%% For the table's owner, when it ends: an app that runs still has nobody else to stop it.
-spec stop_running() -> ok.
stop_running() ->
    lists:foreach(fun stop_app/1, running()).

%% What runs was started before a crash. A vhost may have gone since; then nobody wants it any
%% more.
-spec init([]) -> {ok, #state{}}.
init([]) ->
    process_flag(trap_exit, true),
    Running = running(),
    lists:foreach(fun(App) -> apns_nif:set_event_receiver(App, self()) end, Running),
    Known = #state{apps = maps:from_list([{Name, #app{started = true}} || Name <- Running])},
    State = lists:foldl(fun({Host, #{apps := Apps}}, Acc) -> note_wanted(Host, Apps, Acc) end,
                        Known, push_settings:hosts()),
    {ok, reconcile(maps:keys(State#state.apps), now, State)}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, ok, #state{}}.
handle_call({set_host, Host, Apps}, _From, State) ->
    {reply, ok, want(Host, Apps, State)};
handle_call(Request, _From, State) ->
    ?WARNING_MSG("Unexpected call: ~p", [Request]),
    {reply, ok, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(Msg, State) ->
    ?WARNING_MSG("Unexpected cast: ~p", [Msg]),
    {noreply, State}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({apns, App, Events}, #state{alarms = Alarms} = State) ->
    Alarm = push_events:handle_all(App, Events, maps:get(App, Alarms, none)),
    {noreply, State#state{alarms = Alarms#{App => Alarm}}};
handle_info({timeout, Timer, retry}, #state{timer = Timer} = State) ->
    {noreply, reconcile(maps:keys(State#state.apps), retry, State#state{timer = none})};
handle_info({timeout, _, retry}, State) ->
    {noreply, State};
handle_info(Info, State) ->
    ?WARNING_MSG("Unexpected message: ~p", [Info]),
    {noreply, State}.

%% At the module's end all vhosts are gone and so are their apps; a crash leaves them running. Not
%% by the table: it is gone before, where push_service was killed.
-spec terminate(term(), #state{}) -> ok.
terminate(shutdown, #state{apps = Apps}) ->
    lists:foreach(fun stop_app/1, [Name || {Name, #app{started = true}} <- maps:to_list(Apps)]);
terminate(_Reason, _State) ->
    ok.

%% Configurations hold passwords.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun(state, _) -> hidden;
                (message, _) -> hidden;
                (log, _) -> [];
                (_, Value) -> Value
             end, Status).

want(Host, Apps, State) ->
    #state{apps = Known} = State1 = note_wanted(Host, Apps, State),
    reconcile(maps:keys(Known), now, State1).

note_wanted(Host, Apps, #state{apps = Known} = State) ->
    Names = lists:usort(maps:keys(Apps) ++ maps:keys(Known)),
    State#state{apps = lists:foldl(fun(Name, Acc) ->
        #app{wanted = Wanted} = App = maps:get(Name, Acc, #app{}),
        Wanted1 = case Apps of
            #{Name := Config} -> Wanted#{Host => Config};
            _ -> maps:remove(Host, Wanted)
        end,
        Acc#{Name => App#app{wanted = Wanted1}}
    end, Known, Names)}.

reconcile(Names, When, State) ->
    lists:foldl(fun(Name, Acc) -> reconcile_app(Name, When, Acc) end, State, Names).

reconcile_app(Name, When, #state{apps = Apps} = State) ->
    #app{wanted = Wanted, said = Said} = App = maps:get(Name, Apps),
    Configs = lists:usort(maps:values(Wanted)),
    case {Configs, running_config(Name)} of
        {[], none} ->
            State#state{apps = maps:remove(Name, Apps)};
        {[], _} ->
            ok = stop_app(Name),
            State#state{apps = maps:remove(Name, Apps)};
        {[Config], Config} ->
            State#state{apps = Apps#{Name => App#app{started = true, said = none}}};
        {[Config], none} ->
            started(start_app(Name, Config), Name, App, State);
        {[Config], _Other} ->
            ok = stop_app(Name),
            started(start_app(Name, Config), Name, App, State);
        {[Config | _], none} ->
            started(start_app(Name, Config), Name, App, retry_later(State));
        {[_, _ | _], _} when When =:= now; Said =:= conflict ->
            %% A reload reaches one vhost after the other: give it time to end before complaining.
            retry_later(State#state{apps = Apps#{Name => App#app{started = true}}});
        {[_, _ | _], Running} ->
            say_conflict(Name, Wanted, Running),
            App1 = App#app{started = true, said = conflict},
            retry_later(State#state{apps = Apps#{Name => App1}})
    end.

started(ok, Name, #app{said = Said} = App, #state{apps = Apps} = State) ->
    case Said of
        none -> ?INFO_MSG("Push app ~ts is started", [Name]);
        _ -> ?INFO_MSG("Push app ~ts is started after all", [Name])
    end,
    State#state{apps = Apps#{Name => App#app{started = true, said = none}}};
started({error, Text}, Name, #app{said = Said} = App, #state{apps = Apps} = State) ->
    case Said of
        Text -> ok;
        _ -> ?ERROR_MSG("Push app ~ts is down, messages are delivered without pushes: ~ts "
                        "(trying again every ~B seconds)", [Name, Text, ?RETRY_INTERVAL div 1000])
    end,
    retry_later(State#state{apps = Apps#{Name => App#app{started = false, said = Text}}}).

start_app(Name, Config) ->
    try apns_nif:load() of
        ok ->
            case apns_nif:start_app(Name, Config) of
                ok ->
                    ok = apns_nif:set_event_receiver(Name, self()),
                    true = ets:insert(?TABLE, {Name, Config}),
                    ok;
                {error, {bad_option, Option, Sentence}} ->
                    {error, iolist_to_binary(
                        io_lib:format("modules->mod_push_service->apps->~ts->~ts: ~ts",
                                      [Name, Option, Sentence]))};
                {error, {already_started, Options}} ->
                    {error, iolist_to_binary(
                        io_lib:format("other code of this node runs it with a different ~p",
                                      [Options]))}
            end;
        {error, {_Kind, Sentence}} ->
            {error, Sentence}
    catch
        error:undef ->
            {error, <<"the application apns_nif is not in the code path: run `make install`">>}
    end.

stop_app(Name) ->
    %% First for the hooks, then for the engine: from here on they count the app as down.
    _ = ets:whereis(?TABLE) =:= undefined orelse ets:delete(?TABLE, Name),
    say_inside(Name),
    try apns_nif:stop_app(Name, ?DRAIN_TIMEOUT) of
        ok -> ?INFO_MSG("Push app ~ts is stopped", [Name])
    catch error:Reason -> ?WARNING_MSG("Push app ~ts did not stop: ~p", [Name, Reason])
    end.

%% A new start does not have them: an operator who mends a paused app should know.
say_inside(Name) ->
    try apns_nif:stats(Name) of
        #{queued := Queued, in_flight := InFlight, delayed := Delayed}
          when Queued + InFlight + Delayed > 0 ->
            ?WARNING_MSG("Push app ~ts stops with ~b pushes inside: what Apple does not take "
                         "within ~b ms is not sent",
                         [Name, Queued + InFlight + Delayed, ?DRAIN_TIMEOUT]);
        _ ->
            ok
    catch
        error:_ -> ok
    end.

running_config(Name) ->
    case ets:lookup(?TABLE, Name) of
        [{_, Config}] -> Config;
        [] -> none
    end.

say_conflict(Name, Wanted, Running) ->
    Others = [{Host, differences(Config, Running)}
              || {Host, Config} <- maps:to_list(Wanted), Config =/= Running],
    lists:foreach(fun({Host, Options}) ->
        ?ERROR_MSG("~ts: modules->mod_push_service->apps->~ts differs in ~p from the app of that "
                   "name on other vhosts, which runs; an app is one in the node: give this one "
                   "another name, or the same options", [Host, Name, Options])
    end, Others).

differences(A, B) ->
    Keys = lists:usort(maps:keys(A) ++ maps:keys(B)),
    [Key || Key <- Keys, maps:find(Key, A) =/= maps:find(Key, B)].

retry_later(#state{timer = none} = State) ->
    State#state{timer = erlang:start_timer(?RETRY_INTERVAL, self(), retry)};
retry_later(State) ->
    State.
