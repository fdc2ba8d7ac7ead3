%% @doc What this VM keeps in memory.
-module(bench_memory).

-export([rss_bytes/0]).

%% Resident memory of the whole process, after the garbage of all Erlang processes is gone.
-spec rss_bytes() -> non_neg_integer().
rss_bytes() ->
    %% Twice: what the first lets go of may have been all that held something else.
    [_ = erlang:garbage_collect(Pid) || _ <- [1, 2], Pid <- erlang:processes()],
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [KiB]} = re:run(Status, "VmRSS:\\s*(\\d+) kB", [{capture, all_but_first, binary}]),
    binary_to_integer(KiB) * 1024.
