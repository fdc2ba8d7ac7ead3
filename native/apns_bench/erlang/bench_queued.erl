%% @doc Memory that a waiting push takes. In a VM of its own: what another benchmark has used and
%% freed would be used again.
-module(bench_queued).

-export([main/0]).

-define(TOKENS, 16384).
-define(FIRST_PUSHES, 30000).
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
        ok = bench_app:await_up(App),
        ok = apart(fun() -> prepare(App, TargetKind, Bytes) end),
        Push = fun(N) ->
            apns_nif:notify(App, target(TargetKind, N), payload(PayloadKind, N, Bytes))
        end,
        %% Where there is a queue already, what the VM itself needs has been taken.
        First = bench_backlog:stall(Sink),
        Some = apart(fun() -> bench_backlog:grow(App, First, ?FIRST_PUSHES, Push) end),
        Before = bench_memory:rss_bytes(),
        Backlog = apart(fun() -> bench_backlog:grow(App, Some, Pushes, Push) end),
        After = bench_memory:rss_bytes(),
        ok = bench_backlog:drain(App, Sink, Backlog),
        (After - Before) / Pushes - Bytes
    end).

%% In a process of its own, whose heap is gone with it: ours stays as it is.
apart(Run) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        exit({ok, bench_program:failing(Run)})
    end),
    receive
        {'DOWN', Monitor, process, Pid, {ok, Result}} -> Result;
        {'DOWN', Monitor, process, Pid, Reason} -> exit(Reason)
    end.

%% What all processes share is on no heap.
prepare(App, TargetKind, Bytes) ->
    Tokens = bench_notification:tokens(?TOKENS),
    Owner = fun(N) -> iolist_to_binary(io_lib:format("user~5..0b@example.org", [N])) end,
    Owners = list_to_tuple([Owner(N) || N <- lists:seq(1, ?TOKENS)]),
    ok = persistent_term:put({?MODULE, token}, Tokens),
    ok = persistent_term:put({?MODULE, owner}, Owners),
    ok = persistent_term:put({?MODULE, payload}, bench_notification:json(1, Bytes)),
    Register = fun(N) ->
        ok = apns_nif:register_token(App, element(N, Owners), element(N, Tokens))
    end,
    TargetKind =:= token orelse lists:foreach(Register, lists:seq(1, ?TOKENS)),
    ok.

target(token, N) ->
    {token, element(N rem ?TOKENS + 1, persistent_term:get({?MODULE, token}))};
target(owner, N) ->
    element(N rem ?TOKENS + 1, persistent_term:get({?MODULE, owner})).

payload(distinct, N, Bytes) ->
    bench_notification:json(N, Bytes);
payload(shared, _N, _Bytes) ->
    persistent_term:get({?MODULE, payload}).
