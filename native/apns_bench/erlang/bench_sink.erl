%% @doc The server that clients are measured against, as a program on a core of its own.
%%
%% It ends with the process that started it.
-module(bench_sink).

-export([start/1, config/1, config/2, counts/1, stall/1, go/1, os_pid/1, arguments/1, stop/1]).
-export_type([sink/0, counts/0, credentials/0]).

-type sink() :: #{
    program := port(),
    port := inet:port_number(),
    credentials := file:filename()
}.

%% How each push says whose it is: with a provider token in full, or by its index; or not at all,
%% as the connection has a client certificate.
-type credentials() :: bearer | indexed | certificate.

%% Since its start, over all connections.
-type counts() :: #{
    connections := non_neg_integer(),
    requests := non_neg_integer(),
    bytes_in := non_neg_integer(),
    bytes_out := non_neg_integer()
}.

-define(DEADLINE_MS, 10000).

-spec start(#{
    path := file:filename(),
    core := string(),
    credentials := file:filename(),
    streams := pos_integer(),
    window := pos_integer(),
    %% All that it says arrives so much later, as over a long way.
    delay_ms => non_neg_integer()
}) -> sink().
start(Options) ->
    #{path := Path, core := Core, credentials := Folder} = Options,
    #{streams := Streams, window := Window} = Options,
    Program = open_port({spawn_executable, os:find_executable("taskset")}, [
        {args, [
            "--cpu-list", Core, Path,
            "--credentials", Folder,
            "--streams", integer_to_list(Streams),
            "--window", integer_to_list(Window),
            "--delay", integer_to_list(maps:get(delay_ms, Options, 0))
        ]},
        binary, {line, 4096}, exit_status
    ]),
    <<"port=", Port/binary>> = line(Program),
    #{program => Program, port => binary_to_integer(Port), credentials => Folder}.

%% What apns_nif:start_app/2 needs to talk to it.
-spec config(#{port := inet:port_number(), credentials := file:filename(), _ => _}) ->
    apns_nif:config().
config(Sink) ->
    config(Sink, bearer).

-spec config(#{port := inet:port_number(), credentials := file:filename(), _ => _}, As) -> Config
    when As :: credentials(), Config :: apns_nif:config().
config(#{port := Port, credentials := Folder}, Credentials) ->
    (credentials(Credentials, Folder))#{
        topic => <<"im.example.chat">>,
        environment => iolist_to_binary(["https://127.0.0.1:", integer_to_list(Port)]),
        ca_file => file("ca.pem", Folder),
        %% More would make each number depend on how soon the second one was made.
        max_connections => 1
    }.

credentials(bearer, Folder) ->
    #{
        key_file => file("key.p8", Folder),
        key_id => <<"BENCHKEY01">>,
        team_id => <<"BENCHTEAM1">>
    };
credentials(indexed, Folder) ->
    (credentials(bearer, Folder))#{index_authorization => true};
credentials(certificate, Folder) ->
    #{certificate_file => file("client.pem", Folder)}.

file(Name, Folder) ->
    iolist_to_binary(filename:join(Folder, Name)).

%% What a program needs to talk to it: port and folder.
-spec arguments(sink()) -> [string()].
arguments(#{port := Port, credentials := Folder}) ->
    [integer_to_list(Port), Folder].

%% Fails when a client did something wrong.
-spec counts(sink()) -> counts().
counts(Sink) ->
    tell(Sink, <<"\n">>).

%% From now on it reads and writes nothing, and keeps its connections.
-spec stall(sink()) -> counts().
stall(Sink) ->
    tell(Sink, <<"stall\n">>).

-spec go(sink()) -> counts().
go(Sink) ->
    tell(Sink, <<"go\n">>).

tell(#{program := Program}, Command) ->
    true = port_command(Program, Command),
    Line = line(Program),
    [Numbers, Fault] = binary:split(Line, <<" fault=">>),
    Fault =:= <<"none">> orelse throw({bench, "the server found a client at fault: ~ts", [Fault]}),
    maps:from_list([number(Pair) || Pair <- binary:split(Numbers, <<" ">>, [global])]).

-spec os_pid(sink()) -> non_neg_integer().
os_pid(#{program := Program}) ->
    {os_pid, Pid} = erlang:port_info(Program, os_pid),
    Pid.

-spec stop(sink()) -> ok.
stop(#{program := Program}) ->
    true = port_close(Program),
    ok.

number(Pair) ->
    [Name, Number] = binary:split(Pair, <<"=">>),
    {binary_to_atom(Name), binary_to_integer(Number)}.

line(Program) ->
    receive
        {Program, {data, {eol, Line}}} ->
            Line;
        {Program, {exit_status, Status}} ->
            throw({bench, "the server ended with status ~b", [Status]})
    after ?DEADLINE_MS ->
        throw({bench, "the server says nothing", []})
    end.
