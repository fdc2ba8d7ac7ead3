%% @doc A registry of a million devices: memory, the time to fill it, and what finding one costs.
-module(bench_registry).

-export([run/1]).

%% Those whose memory and time are told, and those before them: what the VM itself needs for the
%% making of owners and tokens has been taken then.
-define(DEVICES, 1000000).
-define(FIRST_DEVICES, 50000).
%% So many are made before their registration is timed.
-define(CHUNK, 10000).
-define(TOKEN_BYTES, 32).
-define(ROOM, 20000).
%% No divisor of the number of devices: neighbours in time are none in memory.
-define(STRIDE, 7919).

-spec run(bench_program:place()) -> ok.
run(Place) ->
    Server = #{streams => 1000, window => 16#1000000},
    bench_app:with(Place, Server, #{}, fun(App, Sink) ->
        ok = bench_app:await_up(App),
        _ = load(App, 1, ?FIRST_DEVICES),
        Before = bench_memory:rss_bytes(),
        Us = load(App, ?FIRST_DEVICES + 1, ?DEVICES),
        Bytes = (bench_memory:rss_bytes() - Before) / ?DEVICES,
        #{devices := ?FIRST_DEVICES + ?DEVICES} = bench_app:stats(App),
        bench_program:print("registry_load_s", "~.2f", Us / 1000000),
        bench_program:print("registry_devices_per_s", "~b", ?DEVICES * 1000000 div Us),
        Named = byte_size(owner(?DEVICES)) + ?TOKEN_BYTES,
        bench_program:print("registry_bytes_per_device", "~.1f", Bytes - Named),
        Tokens = bench_notification:tokens(16384),
        lookup(App, Sink, "token", fun(N) -> {token, element(N rem 16384 + 1, Tokens)} end),
        lookup(App, Sink, "owner", fun(N) -> owner(N * ?STRIDE rem ?DEVICES + 1) end)
    end).

%% Microseconds of all calls.
load(App, First, Count) ->
    Chunks = lists:seq(First, First + Count - 1, ?CHUNK),
    lists:sum([chunk(App, Chunk, Chunk + ?CHUNK - 1) || Chunk <- Chunks]).

chunk(App, First, Last) ->
    Devices = [
        {owner(N), binary:encode_hex(rand:bytes(?TOKEN_BYTES))} || N <- lists:seq(First, Last)
    ],
    {Us, ok} = timer:tc(fun() ->
        lists:foreach(
            fun({Owner, Token}) -> ok = apns_nif:register_token(App, Owner, Token) end,
            Devices
        )
    end),
    Us.

owner(N) ->
    %% Seven digits for all: they are all of one length.
    <<_, Digits/binary>> = integer_to_binary(10000000 + N),
    <<"user", Digits/binary, "@example.org">>.

lookup(App, Sink, Name, Target) ->
    Sample = bench_latency:new(),
    Flow = bench_flow:start(#{
        apps => [App],
        target => Target,
        payload => fun(N) -> bench_notification:json(N, 200) end,
        room => ?ROOM,
        time => fun(Ns) -> bench_latency:add(Sample, Ns) end
    }),
    #{cpu_us := Cpu} = bench_flow:cost(Flow, Sink),
    ok = bench_flow:stop(Flow),
    Prefix = "registry_" ++ Name,
    P50 = bench_latency:percentile(Sample, 0.5),
    bench_program:print(Prefix ++ "_notify_p50_us", "~.2f", P50),
    bench_program:print(Prefix ++ "_cpu_us", "~.3f", Cpu).
