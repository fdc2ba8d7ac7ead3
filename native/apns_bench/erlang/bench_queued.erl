%% @doc Memory that a waiting push takes. In a VM of its own: what another benchmark has used and
%% freed would be used again.
-module(bench_queued).

-export([main/0]).

-define(TOKENS, 16384).
-define(FIRST_PUSHES, 30000).
%% Connections are up long before.
-define(PATIENCE_MS, 10000).
%% More than any push counts against the bound of bytes beside its payload.
-define(OVERHEAD_BYTES, 1024).

%% `bench_queued TARGET PAYLOADS BYTES PUSHES NAME': pushes addressed by `token' or `owner',
%% payloads `distinct' or one `shared'; prints bytes per push beyond those of the payload.
-spec main() -> no_return().
main() ->
    bench_program:run(fun(Place, [Target, Payloads, Bytes, Pushes, Name]) ->
        Kind = {list_to_existing_atom(Target), list_to_existing_atom(Payloads)},
        Beyond = measure(Place, Kind, list_to_integer(Bytes), list_to_integer(Pushes)),
        bench_program:print(Name, "~.1f", Beyond)
    end).

measure(Place, {TargetKind, PayloadKind}, Bytes, Pushes) ->
    Server = #{streams => 1000, window => 65535},
    Limit = ?FIRST_PUSHES + 2 * Pushes,
    Options = #{queue_limit => Limit, queue_bytes => Limit * (Bytes + ?OVERHEAD_BYTES)},
    bench_app:with(Place, Server, Options, fun(App, Sink) ->
        receive
            {apns, App, [#{event := connection_up} | _]} -> ok
        after ?PATIENCE_MS -> throw({bench, "no connection comes up", []})
        end,
        Target = targets(App, TargetKind),
        Payload = payloads(PayloadKind, Bytes),
        Push = fun(N) -> apns_nif:notify(App, Target(N), Payload(N)) end,
        %% Where there is a queue already, what the VM itself needs has been taken.
        First = bench_backlog:fill(App, Sink, ?FIRST_PUSHES, Push),
        Before = bench_memory:rss_bytes(),
        Backlog = bench_backlog:grow(App, First, Pushes, Push),
        After = bench_memory:rss_bytes(),
        ok = bench_backlog:drain(App, Sink, Backlog),
        (After - Before) / Pushes - Bytes
    end).

targets(_App, token) ->
    Tokens = bench_notification:tokens(?TOKENS),
    fun(N) -> {token, element(N rem ?TOKENS + 1, Tokens)} end;
targets(App, owner) ->
    Tokens = bench_notification:tokens(?TOKENS),
    Owner = fun(N) -> iolist_to_binary(io_lib:format("user~5..0b@example.org", [N])) end,
    Owners = list_to_tuple([Owner(N) || N <- lists:seq(1, ?TOKENS)]),
    [
        ok = apns_nif:register_token(App, element(N, Owners), element(N, Tokens))
     || N <- lists:seq(1, ?TOKENS)
    ],
    fun(N) -> element(N rem ?TOKENS + 1, Owners) end.

payloads(distinct, Bytes) ->
    fun(N) -> bench_notification:json(N, Bytes) end;
payloads(shared, Bytes) ->
    Json = bench_notification:json(1, Bytes),
    fun(_N) -> Json end.
