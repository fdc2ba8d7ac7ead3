%% @doc A long way to the server: what one connection carries, and how the pool grows.
-module(bench_delays).

-export([run/1]).

-define(STREAMS, 1000).
-define(PAYLOAD_BYTES, 200).
-define(DELAYS_MS, [20, 50, 100]).
-define(WINDOWS, [{"apple", 65535}, {"large", 16#1000000}]).
%% Connections of an app that says nothing of them.
-define(POOL, 4).
%% Longer than it takes to make all of them one after another.
-define(GROWTH_MS, 5000).

-spec run(bench_program:place()) -> ok.
run(Place) ->
    [delay(Place, Delay, Window) || Delay <- ?DELAYS_MS, Window <- ?WINDOWS],
    ok.

delay(Place, Delay, {Name, Window}) ->
    Server = #{streams => ?STREAMS, window => Window, delay_ms => Delay},
    Bound = min(?STREAMS, Window div ?PAYLOAD_BYTES) * 1000 div Delay,
    Print = fun(Key, Value) ->
        Line = lists:concat(["delay_", Delay, "_", Name, "_", Key]),
        bench_program:print(Line, "~b", Value)
    end,
    Print("bound_per_s", Bound),
    bench_app:with(Place, Server, #{}, fun(App, Sink) ->
        ok = bench_app:await_up(App),
        Flow = flow(App, Bound),
        #{pushes_per_s := One} = bench_flow:cost(Flow, Sink),
        ok = bench_flow:stop(Flow),
        Print("pushes_per_s", One)
    end),
    bench_app:with(Place, Server, #{max_connections => ?POOL}, fun(App, Sink) ->
        ok = bench_app:await_up(App),
        Start = erlang:monotonic_time(millisecond),
        Flow = flow(App, ?POOL * Bound),
        {Connections, Last} = grow(App, Start),
        #{pushes_per_s := All} = bench_flow:cost(Flow, Sink),
        ok = bench_flow:stop(Flow),
        Print("pool_pushes_per_s", All),
        Print("pool_connections", Connections),
        Print("pool_grown_ms", Last - Start)
    end).

%% Half a second's pushes inside: those behind full connections wait long enough for another.
flow(App, PerS) ->
    Tokens = bench_notification:tokens(16384),
    bench_flow:start(#{
        apps => [App],
        target => fun(N) -> {token, element(N rem 16384 + 1, Tokens)} end,
        payload => fun(N) -> bench_notification:json(N, ?PAYLOAD_BYTES) end,
        room => min(PerS div 2, 90000)
    }).

%% How many there are in the end, and when the last one came.
grow(App, Start) ->
    grow(App, Start + ?GROWTH_MS, 1, Start).

grow(_App, _Until, ?POOL, Last) ->
    {?POOL, Last};
grow(App, Until, Connections, Last) ->
    Left = Until - erlang:monotonic_time(millisecond),
    HasMore = fun() -> maps:get(connections, bench_app:stats(App)) > Connections end,
    case bench_app:await(HasMore, Left) of
        true -> grow(App, Until, Connections + 1, erlang:monotonic_time(millisecond));
        false -> {Connections, Last}
    end.
