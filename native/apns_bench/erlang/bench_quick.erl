%% @doc The short benchmark: `make bench-quick'. What each number means is in docs/performance.md.
-module(bench_quick).

-export([main/0]).

-define(APP, <<"bench">>).
%% Of each number the median of so many runs is told.
-define(RUNS, 3).
%% Pushes of one run, and those before it: the connection, its full number of streams, warm caches.
-define(PUSHES, 400000).
-define(WARM_UP, 50000).
-define(TIMED_PUSHES, 200000).
-define(IDLE_PUSHES, 2000).
-define(PAYLOAD_BYTES, 200).
%% Windows of the connection: one that is never in the way, and Apple's.
-define(LARGE_WINDOW, 16#1000000).
-define(APPLES_WINDOW, 65535).

%% Prints a line `name=value' for each number; ends the VM with 0, or with 1 and a sentence.
-spec main() -> no_return().
main() ->
    try
        [Sink, EngineAlone, Credentials, ClientCore, ServerCore] = init:get_plain_arguments(),
        Place = #{
            sink => Sink,
            engine_alone => EngineAlone,
            credentials => Credentials,
            client_core => ClientCore,
            server_core => ServerCore
        },
        note("OTP ~ts, schedulers online: ~b; client on core ~ts, server on core ~ts", [
            erlang:system_info(otp_release), erlang:system_info(schedulers_online),
            ClientCore, ServerCore
        ]),
        ok = measure(Place),
        erlang:halt(0)
    catch
        throw:{bench, Format, Args} ->
            note(Format, Args),
            erlang:halt(1)
    end.

measure(Place) ->
    with_app(Place, 1000, ?LARGE_WINDOW, fun(Sink) -> wide(Place, Sink) end),
    with_app(Place, 100, ?LARGE_WINDOW, fun(Sink) ->
        print("ours_m100_pushes_per_s", "~b", throughput(Sink))
    end),
    with_app(Place, 1000, ?APPLES_WINDOW, fun(Sink) ->
        print("ours_apple_window_pushes_per_s", "~b", throughput(Sink))
    end),
    engine_alone(Place).

%% 1,000 streams and a window that is never in the way.
wide(#{client_core := ClientCore, server_core := ServerCore}, Sink) ->
    Json = bench_load:new(?APP, fun json/1),
    Map = bench_load:new(?APP, fun map/1),
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
    bench_process:allow_cores(os:getpid(), ClientCore),
    print("notify_p999_us", "~.2f", percentile(0.999, Idle)),
    print("wire_bytes_per_push", "~.1f", median(wire_bytes, Jsons)),
    print("sink_cpu_us", "~.3f", median(sink_cpu_us, Jsons)).

throughput(Sink) ->
    Json = bench_load:new(?APP, fun json/1),
    median(pushes_per_s, runs(fun() -> flood(Sink, Json) end)).

flood(Sink, Load) ->
    ok = bench_load:run(Load, 0, ?WARM_UP),
    Before = moment(Sink),
    ok = bench_load:run(Load, ?WARM_UP, ?PUSHES),
    After = moment(Sink),
    Grown = fun(Key) -> maps:get(Key, After) - maps:get(Key, Before) end,
    case {Grown(requests), Grown(connections)} of
        {?PUSHES, 0} ->
            ok;
        {Requests, Connections} ->
            throw({bench, "~b pushes made ~b requests and ~b new connections",
                [?PUSHES, Requests, Connections]})
    end,
    #{
        cpu_us => Grown(cpu_us) / ?PUSHES,
        sink_cpu_us => Grown(sink_cpu_us) / ?PUSHES,
        pushes_per_s => ?PUSHES * 1000000 div Grown(clock_us),
        wire_bytes => Grown(bytes_in) / ?PUSHES
    }.

moment(Sink) ->
    Counts = bench_sink:counts(Sink),
    Counts#{
        cpu_us => bench_process:cpu_us(os:getpid()),
        sink_cpu_us => bench_process:cpu_us(bench_sink:os_pid(Sink)),
        clock_us => erlang:monotonic_time(microsecond)
    }.

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
    Sink = start_sink(Place, Streams, Window),
    Config = bench_sink:config(Sink),
    case apns_nif:start_app(?APP, Config#{outcomes => all}) of
        ok -> ok;
        {error, Reason} -> throw({bench, "the app does not start: ~p", [Reason]})
    end,
    ok = Measure(Sink),
    ok = apns_nif:stop_app(?APP, 0),
    bench_sink:stop(Sink).

start_sink(#{sink := Path, server_core := Core, credentials := Folder}, Streams, Window) ->
    bench_sink:start(#{
        path => Path, core => Core, credentials => Folder, streams => Streams, window => Window
    }).

%% A notification as a chat server makes them; as JSON it has PAYLOAD_BYTES.
map(Number) ->
    Sender = iolist_to_binary(io_lib:format("Alice ~4..0b", [Number])),
    Empty = #{
        title => Sender,
        body => <<>>,
        sound => <<"default">>,
        badge => 7,
        thread_id => <<"5d41402abc4b2a76b9719d911017c592">>,
        mutable_content => true
    },
    Empty#{body := binary:copy(<<"x">>, ?PAYLOAD_BYTES - byte_size(encode(Empty)))}.

json(Number) ->
    Json = encode(map(Number)),
    ?PAYLOAD_BYTES = byte_size(Json),
    Json.

encode(#{title := Title, body := Body, sound := Sound, badge := Badge, thread_id := Thread}) ->
    iolist_to_binary([
        "{\"aps\":{\"alert\":{\"title\":\"", Title, "\",\"body\":\"", Body, "\"},\"badge\":",
        integer_to_list(Badge), ",\"sound\":\"", Sound, "\",\"thread-id\":\"", Thread,
        "\",\"mutable-content\":1}}"
    ]).

runs(Run) ->
    [Run() || _ <- lists:seq(1, ?RUNS)].

percentile(Share, Samples) ->
    median([bench_latency:percentile(Sample, Share) || Sample <- Samples]).

median(Key, Runs) ->
    median([maps:get(Key, Run) || Run <- Runs]).

median(Numbers) ->
    lists:nth(?RUNS div 2 + 1, lists:sort(Numbers)).

print(Name, Format, Value) ->
    io:format("~s=" ++ Format ++ "~n", [Name, Value]).

note(Format, Args) ->
    io:format(standard_error, "bench: " ++ Format ++ "~n", Args).
