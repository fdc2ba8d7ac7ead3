%% @doc The scenarios beside the main table, one in a VM: `bench_scenarios SCENARIO'. What each
%% number means is in docs/performance.md.
-module(bench_scenarios).

-export([main/0]).

-import(bench_program, [print/3]).

-define(LARGE_WINDOW, 16#1000000).
-define(TOKENS, 16384).
-define(ROOM, 20000).
-define(QUEUE_BYTES, 16#20000000).
-define(BUSY_PUSHES, 300000).
-define(IDLE_PUSHES, 2000).
-define(QUEUE_LIMIT, 100000).
%% One connection of this server carries 20,000 pushes a second.
-define(FEW_STREAMS, 100).
-define(SHORT_DELAY_MS, 5).
-define(GROWTH_MS, 10000).
-define(REST_MS, 2000).

-spec main() -> no_return().
main() ->
    bench_program:run(fun(Place, [Scenario]) -> scenario(Scenario, Place) end).

scenario("delays", Place) -> bench_delays:run(Place);
scenario("latency", Place) -> latency(Place);
scenario("registry", Place) -> bench_registry:run(Place);
scenario("apps", Place) -> each(fun(Count) -> apps(Place, Count) end, [1, 10, 100]);
scenario("connections", Place) -> each(fun(Max) -> connections(Place, Max) end, [1, 2, 3, 4]);
scenario("payloads", Place) -> each(fun(Bytes) -> payloads(Place, Bytes) end, payload_bytes());
scenario("callers", Place) -> each(fun(Callers) -> callers(Place, Callers) end, [1, 2, 4]);
scenario("wire", Place) -> each(fun(As) -> wire(Place, As) end, [bearer, indexed, certificate]);
scenario("memory", Place) -> memory(Place).

each(Run, Cases) ->
    lists:foreach(Run, Cases).

payload_bytes() ->
    [200, 1024, 2048, 4096].

%% How long notify keeps its caller, as in the short benchmark; here with all percentiles.
latency(#{client_core := ClientCore, server_core := ServerCore} = Place) ->
    bench_app:with(Place, wide(), #{queue_bytes => ?QUEUE_BYTES}, fun(App, Sink) ->
        Load = bench_load:new(App, json(200)),
        ok = bench_load:run(Load, 0, ?BUSY_PUSHES),
        percentiles("notify_busy", bench_latency:busy(Load, 0, ?BUSY_PUSHES)),
        bench_process:allow_cores(os:getpid(), ClientCore ++ "," ++ ServerCore),
        percentiles("notify_idle", bench_latency:idle(Load, 0, ?IDLE_PUSHES)),
        percentiles("md5_idle", bench_latency:idle_md5((json(200))(1), ?IDLE_PUSHES)),
        percentiles("notify_stalled", bench_latency:stalled(App, Sink, json(200), ?QUEUE_LIMIT)),
        Counts = {?QUEUE_LIMIT, ?QUEUE_LIMIT},
        percentiles("notify_full", bench_latency:full(App, Sink, json(200), Counts))
    end).

percentiles(Prefix, Sample) ->
    Shares = [{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}],
    lists:foreach(
        fun({Name, Share}) ->
            Us = bench_latency:percentile(Sample, Share),
            print(Prefix ++ "_" ++ Name ++ "_us", "~.2f", Us)
        end,
        Shares
    ).

%% The same load for several apps: each has an engine and a connection.
apps(Place, Count) ->
    bench_app:with_several(Place, wide(), #{}, Count, fun(Apps, Sink) ->
        lists:foreach(fun bench_app:await_up/1, Apps),
        cost(lists:concat(["apps_", Count]), Sink, flow(Apps, 200))
    end).

connections(Place, Max) ->
    Server = #{
        streams => ?FEW_STREAMS, window => ?LARGE_WINDOW, delay_ms => ?SHORT_DELAY_MS
    },
    bench_app:with(Place, Server, #{max_connections => Max}, fun(App, Sink) ->
        Flow = bench_flow:start((flow([App], 200))#{room := 2 * ?ROOM}),
        IsGrown = fun() -> maps:get(connections, bench_app:stats(App)) =:= Max end,
        bench_app:await(IsGrown, ?GROWTH_MS) orelse
            throw({bench, "there are never ~b connections", [Max]}),
        cost_of(lists:concat(["connections_", Max]), Sink, Flow)
    end).

payloads(Place, Bytes) ->
    bench_app:with(Place, wide(), #{queue_bytes => ?QUEUE_BYTES}, fun(App, Sink) ->
        cost(lists:concat(["payload_", Bytes]), Sink, flow([App], Bytes))
    end).

%% What a push takes on the wire, by how it says whose it is.
wire(Place, As) ->
    Server = (wide())#{as => As},
    bench_app:with(Place, Server, #{queue_bytes => ?QUEUE_BYTES}, fun(App, Sink) ->
        Flow = bench_flow:start(flow([App], 200)),
        #{wire_bytes := Bytes, cpu_us := Cpu} = bench_flow:cost(Flow, Sink),
        ok = bench_flow:stop(Flow),
        Prefix = lists:concat(["wire_", As]),
        print(Prefix ++ "_bytes", "~.1f", Bytes),
        print(Prefix ++ "_cpu_us", "~.3f", Cpu)
    end).

%% Several processes for one app, in a VM with a scheduler on each core; the server is on one of
%% them.
callers(Place, Callers) ->
    Sample = bench_latency:new(),
    Prefix = lists:concat(["callers_", Callers]),
    bench_app:with(Place, wide(), #{}, fun(App, Sink) ->
        Time = fun(Ns) -> bench_latency:add(Sample, Ns) end,
        cost(Prefix, Sink, (flow([App], 200))#{callers => Callers, time => Time})
    end),
    print(Prefix ++ "_notify_p50_us", "~.2f", bench_latency:percentile(Sample, 0.5)),
    print(Prefix ++ "_notify_p999_us", "~.2f", bench_latency:percentile(Sample, 0.999)).

%% Memory of a VM with an app above that of the VM alone: idle, and again after a burst.
memory(Place) ->
    Token = {token, element(1, bench_notification:tokens(1))},
    %% Once before, but for the library: a program was started, and the modules are loaded.
    #{sink := Path, server_core := Core, credentials := Folder} = Place,
    First = bench_sink:start((wide())#{path => Path, core => Core, credentials => Folder}),
    _ = bench_sink:counts(First),
    ok = bench_sink:stop(First),
    [{module, _} = code:ensure_loaded(Module) || Module <- [bench_app, bench_backlog, maps]],
    false = code:is_loaded(apns_nif),
    Bare = bench_memory:rss_bytes(),
    bench_app:with(Place, wide(), #{queue_bytes => ?QUEUE_BYTES}, fun(App, Sink) ->
        ok = bench_app:await_up(App),
        rest("idle_rss_mb", Bare),
        Json = json(200),
        Backlog = bench_backlog:fill(App, Sink, ?QUEUE_LIMIT, fun(N) ->
            apns_nif:notify(App, Token, Json(N))
        end),
        ok = bench_backlog:drain(App, Sink, Backlog),
        rest("burst_rss_mb", Bare)
    end).

rest(Name, Bare) ->
    receive after ?REST_MS -> ok end,
    print(Name, "~.2f", (bench_memory:rss_bytes() - Bare) / 1000000).

cost(Prefix, Sink, Options) ->
    cost_of(Prefix, Sink, bench_flow:start(Options)).

cost_of(Prefix, Sink, Flow) ->
    #{pushes_per_s := PerS, cpu_us := Cpu} = bench_flow:cost(Flow, Sink),
    ok = bench_flow:stop(Flow),
    print(Prefix ++ "_pushes_per_s", "~b", PerS),
    print(Prefix ++ "_cpu_us", "~.3f", Cpu).

flow(Apps, Bytes) ->
    Tokens = bench_notification:tokens(?TOKENS),
    #{
        apps => Apps,
        target => fun(N) -> {token, element(N rem ?TOKENS + 1, Tokens)} end,
        payload => json(Bytes),
        room => ?ROOM
    }.

json(Bytes) ->
    fun(N) -> bench_notification:json(N, Bytes) end.

wide() ->
    #{streams => 1000, window => ?LARGE_WINDOW}.
