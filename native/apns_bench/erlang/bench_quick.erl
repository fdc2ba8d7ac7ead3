%% @doc The short benchmark: `make bench-quick'. What each number means is in docs/performance.md.
-module(bench_quick).

-import(bench_program, [print/3]).
-import(bench_runs, [runs/1, median/2, percentile/2]).

-export([main/0]).

%% Pushes of one run, and those before it: the connection, its full number of streams, warm caches.
-define(PUSHES, 400000).
-define(WARM_UP, 50000).
-define(TIMED_PUSHES, 200000).
-define(IDLE_PUSHES, 2000).
-define(STALLED_PUSHES, 100000).
-define(PAYLOAD_BYTES, 200).
-define(QUEUE_BYTES, 16#10000000).
%% Windows of the connection: one that is never in the way, and Apple's.
-define(LARGE_WINDOW, 16#1000000).
-define(APPLES_WINDOW, 65535).

%% Prints a line `name=value' for each number; ends the VM with 0, or with 1 and a sentence.
-spec main() -> no_return().
main() ->
    bench_program:run(fun(#{client_core := Client, server_core := Server} = Place, []) ->
        bench_program:note(
            "OTP ~ts, schedulers online: ~b; client on core ~ts, server on core ~ts", [
                erlang:system_info(otp_release), erlang:system_info(schedulers_online),
                Client, Server
            ]
        ),
        measure(Place)
    end).

measure(Place) ->
    with_app(Place, 1000, ?LARGE_WINDOW, fun(App, Sink) -> wide(Place, App, Sink) end),
    with_app(Place, 100, ?LARGE_WINDOW, fun(App, Sink) ->
        print("ours_m100_pushes_per_s", "~b", throughput(App, Sink))
    end),
    with_app(Place, 1000, ?APPLES_WINDOW, fun(App, Sink) ->
        print("ours_apple_window_pushes_per_s", "~b", throughput(App, Sink))
    end),
    [wire(Place, As) || As <- [indexed, certificate]],
    engine_alone(Place).

%% 1,000 streams and a window that is never in the way.
wide(#{client_core := ClientCore, server_core := ServerCore}, App, Sink) ->
    Json = bench_load:new(App, fun json/1),
    Map = bench_load:new(App, fun map/1),
    Jsons = runs(fun() -> flood(Sink, Json) end),
    Maps = runs(fun() -> flood(Sink, Map) end),
    print("ours_json_cpu_us", "~.3f", median(cpu_us, Jsons)),
    print("ours_map_cpu_us", "~.3f", median(cpu_us, Maps)),
    print("ours_pushes_per_s", "~b", median(pushes_per_s, Jsons)),
    Busy = runs(fun() -> bench_latency:busy(Json, 0, ?TIMED_PUSHES) end),
    print("notify_p50_us", "~.2f", percentile(0.5, Busy)),
    %% On one core the time would be that of the engine thread, which the call has just woken.
    bench_process:allow_cores(os:getpid(), ClientCore ++ "," ++ ServerCore),
    Idle = runs(fun() -> bench_latency:idle(Json, 0, ?IDLE_PUSHES) end),
    Stalled = runs(fun() -> bench_latency:stalled(App, Sink, fun json/1, ?STALLED_PUSHES) end),
    bench_process:allow_cores(os:getpid(), ClientCore),
    print("notify_p999_us", "~.2f", percentile(0.999, Idle)),
    print("stalled_notify_p999_us", "~.2f", percentile(0.999, Stalled)),
    print("wire_bytes_per_push", "~.1f", median(wire_bytes, Jsons)),
    print("sink_cpu_us", "~.3f", median(sink_cpu_us, Jsons)).

%% Bytes of a push that says in another way whose it is.
wire(Place, As) ->
    Server = #{streams => 1000, window => ?LARGE_WINDOW, as => As},
    bench_app:with(Place, Server, #{}, fun(App, Sink) ->
        #{wire_bytes := Bytes} = flood(Sink, bench_load:new(App, fun json/1)),
        print(atom_to_list(As) ++ "_wire_bytes_per_push", "~.1f", Bytes)
    end).

throughput(App, Sink) ->
    Json = bench_load:new(App, fun json/1),
    median(pushes_per_s, runs(fun() -> flood(Sink, Json) end)).

flood(Sink, Load) ->
    ok = bench_load:run(Load, 0, ?WARM_UP),
    Before = bench_moment:now(Sink),
    ok = bench_load:run(Load, ?WARM_UP, ?PUSHES),
    case bench_moment:between(Before, bench_moment:now(Sink)) of
        #{requests := ?PUSHES, connections := 0} = Cost ->
            Cost;
        #{requests := Requests, connections := Connections} ->
            throw({bench, "~b pushes made ~b requests and ~b new connections",
                [?PUSHES, Requests, Connections]})
    end.

%% The same load from Rust, in a process of its own.
engine_alone(#{engine_alone := Path, client_core := Core} = Place) ->
    Sink = start_sink(Place, 1000, ?LARGE_WINDOW),
    Arguments = bench_sink:arguments(Sink) ++ [integer_to_list(?PUSHES)],
    Line = string:join(["taskset", "--cpu-list", Core, Path | Arguments], " "),
    Runs = runs(fun() -> engine_alone_said(Line, os:cmd(Line)) end),
    bench_sink:stop(Sink),
    print("engine_cpu_us", "~.3f", median(cpu_us, Runs)),
    print("engine_pushes_per_s", "~b", median(pushes_per_s, Runs)).

engine_alone_said(Line, Said) ->
    Numbers = "cpu_us=(\\S+)\npushes_per_s=(\\S+)",
    case re:run(Said, Numbers, [{capture, all_but_first, list}]) of
        {match, [Cpu, PerS]} ->
            #{cpu_us => list_to_float(Cpu), pushes_per_s => list_to_integer(PerS)};
        nomatch ->
            throw({bench, "~ts: ~ts", [Line, Said]})
    end.

with_app(Place, Streams, Window, Measure) ->
    Server = #{streams => Streams, window => Window},
    %% Far more than ever wait, but where the server stalls.
    Options = #{queue_limit => 2 * ?STALLED_PUSHES, queue_bytes => ?QUEUE_BYTES},
    bench_app:with(Place, Server, Options, Measure).

start_sink(#{sink := Path, server_core := Core, credentials := Folder}, Streams, Window) ->
    bench_sink:start(#{
        path => Path, core => Core, credentials => Folder, streams => Streams, window => Window
    }).

json(Number) ->
    bench_notification:json(Number, ?PAYLOAD_BYTES).

map(Number) ->
    bench_notification:map(Number, ?PAYLOAD_BYTES).
