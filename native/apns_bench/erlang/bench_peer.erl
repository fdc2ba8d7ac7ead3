%% @doc The library as one of the clients that `make bench' compares: pushes to a server that runs.
%%
%% `-extra json|map PORT FOLDER STREAMS WARM_UP PUSHES': after the warm-up it says `ready' and
%% waits for a line on stdin, then pushes, says `ok=N', and stays until stdin ends, so that
%% whoever started it can look at the process. How many streams there are, the server says.
-module(bench_peer).

-export([main/0]).

-define(APP, <<"bench">>).
-define(PAYLOAD_BYTES, 200).

-spec main() -> no_return().
main() ->
    try
        [Kind, Port, Folder, _Streams, WarmUp, Pushes] = init:get_plain_arguments(),
        Config = bench_sink:config(#{port => list_to_integer(Port), credentials => Folder}),
        ok = apns_nif:start_app(?APP, Config#{outcomes => all}),
        Load = bench_load:new(?APP, notification(Kind)),
        push(Load, list_to_integer(WarmUp), list_to_integer(Pushes)),
        erlang:halt(0)
    catch
        throw:{bench, Format, Values} ->
            bench_program:note(Format, Values),
            erlang:halt(1);
        Class:Reason:Stack ->
            bench_program:note("~0p", [{Class, Reason, Stack}]),
            erlang:halt(1)
    end.

push(Load, WarmUp, Pushes) ->
    ok = bench_load:run(Load, 0, WarmUp),
    io:put_chars("ready\n"),
    _Line = io:get_line(""),
    ok = bench_load:run(Load, WarmUp, Pushes),
    io:format("ok=~b~n", [Pushes]),
    io:get_line("").

notification("json") -> fun(Number) -> bench_notification:json(Number, ?PAYLOAD_BYTES) end;
notification("map") -> fun(Number) -> bench_notification:map(Number, ?PAYLOAD_BYTES) end.
