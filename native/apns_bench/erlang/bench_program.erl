%% @doc What surrounds each benchmark: the arguments, the numbers it prints, and how it ends.
-module(bench_program).

-export([run/1, failing/1, print/3, note/2]).
-export_type([place/0]).

%% Where things are, and on which cores they run.
-type place() :: #{
    sink := file:filename(),
    engine_alone := file:filename(),
    credentials := file:filename(),
    client_core := string(),
    server_core := string()
}.

%% Ends the VM with 0, or with 1 and a sentence. Measure gets the arguments behind those of the
%% place.
-spec run(fun((place(), [string()]) -> ok)) -> no_return().
run(Measure) ->
    [Sink, EngineAlone, Credentials, ClientCore, ServerCore | Arguments] =
        init:get_plain_arguments(),
    Place = #{
        sink => Sink,
        engine_alone => EngineAlone,
        credentials => Credentials,
        client_core => ClientCore,
        server_core => ServerCore
    },
    %% Where a process that it is linked to fails, it fails too.
    Run = fun() -> ok = Measure(Place, Arguments) end,
    {_Pid, Monitor} = spawn_monitor(fun() -> failing(Run) end),
    receive
        {'DOWN', Monitor, process, _, normal} ->
            erlang:halt(0);
        {'DOWN', Monitor, process, _, {bench, Format, Values}} ->
            note(Format, Values),
            erlang:halt(1);
        {'DOWN', Monitor, process, _, Reason} ->
            note("~p", [Reason]),
            erlang:halt(1)
    end.

%% What is thrown becomes the reason of the exit.
-spec failing(fun(() -> Result)) -> Result.
failing(Run) ->
    try
        Run()
    catch
        throw:{bench, _Format, _Values} = Reason -> exit(Reason)
    end.

%% A line `name=value'.
-spec print(Name :: string(), Format :: string(), Value :: term()) -> ok.
print(Name, Format, Value) ->
    io:format("~s=" ++ Format ++ "~n", [Name, Value]).

-spec note(Format :: string(), [term()]) -> ok.
note(Format, Values) ->
    io:format(standard_error, "bench: " ++ Format ++ "~n", Values).
