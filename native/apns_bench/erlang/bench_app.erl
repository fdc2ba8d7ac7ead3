%% @doc An app that pushes to a server of its own, for as long as something is measured.
-module(bench_app).

-export([with/4, settled/1, stats/1]).

-define(SETTLE_MS, 10000).
-define(LOOK_MS, 5).

%% The caller gets all outcomes. Afterwards the server has found no fault, and the app has an
%% outcome for each push.
-spec with(bench_program:place(), Server, Options, Measure) -> Result when
    Measure :: fun((apns_nif:app(), bench_sink:sink()) -> Result),
    Server :: #{streams := pos_integer(), window := pos_integer(), delay_ms => pos_integer()},
    Options :: apns_nif:config().
with(Place, Server, Options, Measure) ->
    #{sink := Path, server_core := Core, credentials := Folder} = Place,
    Sink = bench_sink:start(Server#{path => Path, core => Core, credentials => Folder}),
    App = <<"bench">>,
    Config = maps:merge(bench_sink:config(Sink), Options),
    case apns_nif:start_app(App, Config#{outcomes => all}) of
        ok -> ok;
        {error, Reason} -> throw({bench, "the app does not start: ~p", [Reason]})
    end,
    Result = Measure(App, Sink),
    ok = settled(App),
    _ = bench_sink:counts(Sink),
    ok = apns_nif:stop_app(App, 0),
    bench_sink:stop(Sink),
    Result.

%% Every push that was taken was accepted, each once: what the app counts, since the caller has all
%% the outcomes it waits for.
-spec settled(apns_nif:app()) -> ok.
settled(App) ->
    settled(App, ?SETTLE_MS div ?LOOK_MS).

settled(App, Looks) ->
    case stats(App) of
        #{taken := Taken, accepted := Taken, queued := 0, in_flight := 0, delayed := 0} ->
            no_event_left(App);
        Stats when Looks =:= 0 ->
            Keys = [taken, accepted, rejected, failed, queued, in_flight, delayed],
            throw({bench, "not every push was just accepted: ~p", [maps:with(Keys, Stats)]});
        _Busy ->
            receive after ?LOOK_MS -> settled(App, Looks - 1) end
    end.

no_event_left(App) ->
    receive
        {apns, App, Events} ->
            case [Event || #{apns_id := _} = Event <- Events] of
                [] -> no_event_left(App);
                [Event | _] -> throw({bench, "an outcome too much: ~p", [Event]})
            end
    after 0 ->
        ok
    end.

-spec stats(apns_nif:app()) -> apns_nif:stats().
stats(App) ->
    #{} = apns_nif:stats(App).
