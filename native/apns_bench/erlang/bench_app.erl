%% @doc Apps that push to a server of their own, for as long as something is measured.
-module(bench_app).

-export([with/4, with_several/5, await_up/1, await/2, stats/1, settled/1]).

-define(SETTLE_MS, 10000).
%% Connections are up long before.
-define(PATIENCE_MS, 10000).
-define(LOOK_MS, 5).

-type server() :: #{
    streams := pos_integer(),
    window := pos_integer(),
    delay_ms => non_neg_integer(),
    %% Those of the apps; a provider token unless given.
    as => bench_sink:credentials()
}.

%% The caller gets all outcomes. Afterwards the server has found no fault, and the app has an
%% outcome for each push.
-spec with(bench_program:place(), server(), Options, Measure) -> Result when
    Options :: apns_nif:config(),
    Measure :: fun((apns_nif:app(), bench_sink:sink()) -> Result).
with(Place, Server, Options, Measure) ->
    with_several(Place, Server, Options, 1, fun([App], Sink) -> Measure(App, Sink) end).

-spec with_several(bench_program:place(), server(), Options, Count, Measure) -> Result when
    Options :: apns_nif:config(),
    Count :: pos_integer(),
    Measure :: fun(([apns_nif:app()], bench_sink:sink()) -> Result).
with_several(Place, Server, Options, Count, Measure) ->
    #{sink := Path, server_core := Core, credentials := Folder} = Place,
    Sink = bench_sink:start(Server#{path => Path, core => Core, credentials => Folder}),
    Credentials = maps:get(as, Server, bearer),
    Config = maps:merge(bench_sink:config(Sink, Credentials), Options),
    Apps = [start(Number, Config#{outcomes => all}) || Number <- lists:seq(1, Count)],
    Result = Measure(Apps, Sink),
    lists:foreach(fun settled/1, Apps),
    _ = bench_sink:counts(Sink),
    [ok = apns_nif:stop_app(App, 0) || App <- Apps],
    bench_sink:stop(Sink),
    Result.

start(Number, Config) ->
    App = iolist_to_binary(["bench", integer_to_binary(Number)]),
    case apns_nif:start_app(App, Config) of
        ok -> App;
        {error, Reason} -> throw({bench, "the app does not start: ~p", [Reason]})
    end.

-spec await_up(apns_nif:app()) -> ok.
await_up(App) ->
    case await(fun() -> maps:get(connections, stats(App)) > 0 end, ?PATIENCE_MS) of
        true -> ok;
        false -> throw({bench, "no connection comes up", []})
    end.

%% Whether it came true within this time.
-spec await(fun(() -> boolean()), Ms :: integer()) -> boolean().
await(IsTrue, Ms) ->
    case IsTrue() of
        true -> true;
        false when Ms =< 0 -> false;
        false -> receive after ?LOOK_MS -> await(IsTrue, Ms - ?LOOK_MS) end
    end.

-spec stats(apns_nif:app()) -> apns_nif:stats().
stats(App) ->
    #{} = apns_nif:stats(App).

%% Every push that was taken was accepted, each once: what the app counts, since the caller has all
%% the outcomes it waits for.
-spec settled(apns_nif:app()) -> ok.
settled(App) ->
    case await(fun() -> is_settled(stats(App)) end, ?SETTLE_MS) of
        true ->
            no_outcome_left(App);
        false ->
            Keys = [taken, accepted, rejected, failed, queued, in_flight, delayed],
            Stats = maps:with(Keys, stats(App)),
            throw({bench, "not every push was just accepted: ~p", [Stats]})
    end.

is_settled(#{taken := Taken, accepted := Taken, queued := 0, in_flight := 0, delayed := 0}) ->
    true;
is_settled(#{}) ->
    false.

no_outcome_left(App) ->
    receive
        {apns, App, Events} ->
            case [Event || #{apns_id := _} = Event <- Events] of
                [] -> no_outcome_left(App);
                [Event | _] -> throw({bench, "an outcome too much: ~p", [Event]})
            end
    after 0 ->
        ok
    end.
