%% @doc Apple in the tests: the program `apns_sim', over its control API.
%%
%% A simulator lives as long as the process that started it, or until {@link kill/1}.
-module(apns_simulator).

-export([start/0, start/1, config/1, certificate_config/2, kill/1]).
-export([journal/2, script/2, answer/3]).
-export_type([simulator/0]).

-type simulator() :: #{
    program := port(),
    control := string(),
    provider_port := inet:port_number(),
    config := apns_nif:config(),
    certificates := #{Kind :: binary() => File :: binary()}
}.

%% A simulator with a port, a CA and a key of its own.
-spec start() -> simulator().
start() ->
    start([]).

-spec start([Argument :: string()]) -> simulator().
start(Arguments) ->
    {ok, _} = application:ensure_all_started(inets),
    Program = open_port({spawn_executable, program()}, [
        {args, ["--exit-with-stdin" | Arguments]}, binary, {line, 65536}, exit_status
    ]),
    receive
        {Program, {data, {eol, Line}}} -> ready(Program, json_decode(Line));
        {Program, {exit_status, Status}} -> error({simulator_ended, Status})
    after 20000 ->
        error(simulator_not_ready)
    end.

%% What start_app needs to talk to it.
-spec config(simulator()) -> apns_nif:config().
config(#{config := Config}) ->
    Config.

%% The same with a client certificate: `<<"good">>', `<<"expired">>', ...
-spec certificate_config(simulator(), Kind :: binary()) -> apns_nif:config().
certificate_config(#{config := Config, certificates := Certificates}, Kind) ->
    WithoutKey = maps:without([key_file, key_id, team_id], Config),
    WithoutKey#{certificate_file => maps:get(Kind, Certificates)}.

%% Ends it as a crash would: no goodbye on any connection.
-spec kill(simulator()) -> ok.
kill(#{program := Program}) ->
    {os_pid, Pid} = erlang:port_info(Program, os_pid),
    [] = os:cmd("kill -KILL " ++ integer_to_list(Pid)),
    receive
        {Program, {exit_status, _Status}} -> ok
    after 5000 ->
        error(simulator_lives)
    end.

%% The requests that arrived; waits until there are this many.
-spec journal(simulator(), Count :: pos_integer()) -> [map()].
journal(Simulator, Count) ->
    journal(Simulator, Count, erlang:monotonic_time(millisecond) + 10000).

journal(Simulator, Count, Deadline) ->
    case entries(Simulator, io_lib:format("?since=~b&wait_ms=1000", [Count])) of
        [_ | _] ->
            entries(Simulator, "");
        [] ->
            erlang:monotonic_time(millisecond) < Deadline orelse
                error({too_few_arrived, length(entries(Simulator, ""))}),
            journal(Simulator, Count, Deadline)
    end.

entries(Simulator, Query) ->
    #{<<"entries">> := Entries} = request(get, Simulator, "/journal" ++ Query),
    Entries.

%% Tells it how to answer; see `apns_sim --help'.
-spec script(simulator(), Step :: map()) -> ok.
script(Simulator, Step) ->
    _ = request(post, Simulator, "/script", json_encode(Step)),
    ok.

%% Tells it how to answer the next push to a device.
-spec answer(simulator(), Token :: binary(), Answer :: map()) -> ok.
answer(Simulator, Token, Answer) ->
    script(Simulator, Answer#{token => Token, times => 1}).

ready(Program, #{
    <<"provider">> := #{<<"port">> := Port},
    <<"control">> := #{<<"port">> := ControlPort},
    <<"ca_file">> := CaFile,
    <<"key_file">> := KeyFile,
    <<"key_id">> := KeyId,
    <<"team_id">> := TeamId,
    <<"topics">> := [Topic | _],
    <<"client_certificate_files">> := CertificateFiles
}) ->
    #{
        program => Program,
        provider_port => Port,
        certificates => maps:get(Topic, CertificateFiles),
        control => "http://127.0.0.1:" ++ integer_to_list(ControlPort),
        config => #{
            topic => Topic,
            environment => iolist_to_binary(["https://127.0.0.1:", integer_to_list(Port)]),
            ca_file => CaFile,
            key_file => KeyFile,
            key_id => KeyId,
            team_id => TeamId
        }
    }.

request(get, Simulator, Path) ->
    answer(httpc:request(get, {url(Simulator, Path), []}, [{timeout, 15000}], [])).

request(post, Simulator, Path, Body) ->
    Request = {url(Simulator, Path), [], "application/json", Body},
    answer(httpc:request(post, Request, [{timeout, 15000}], [])).

url(#{control := Control}, Path) ->
    Control ++ lists:flatten(Path).

answer({ok, {{_Version, Status, _Phrase}, _Headers, Body}}) when Status div 100 =:= 2 ->
    case Body of
        [] -> #{};
        _ -> json_decode(list_to_binary(Body))
    end.

program() ->
    Program =
        case {os:getenv("APNS_SIM"), os:getenv("CARGO_TARGET_DIR")} of
            {false, false} -> filename:join(repository(), "target/release/apns_sim");
            {false, Target} -> filename:join(Target, "release/apns_sim");
            {Given, _} -> Given
        end,
    filelib:is_regular(Program) orelse error({no_simulator, Program, "run make build"}),
    Program.

%% rebar3 compiles this module into the repository's _build.
repository() ->
    [Top, _] = string:split(code:which(?MODULE), "/_build/"),
    Top.

json_decode(Text) ->
    jiffy:decode(Text, [return_maps]).

json_encode(Term) ->
    jiffy:encode(Term).
