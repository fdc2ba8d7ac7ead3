%% @doc Files of key and certificate that are replaced while the app runs.
-module(apns_nif_credentials_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, end_per_testcase/2]).
-export([
    a_certificate_replaced_under_load_costs_no_push/1,
    a_file_that_is_of_no_use_is_an_alarm_and_changes_nothing/1
]).

-define(APP, <<"im.example.chat">>).
-define(HELLO, #{alert => <<"Hello">>}).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [
        a_certificate_replaced_under_load_costs_no_push,
        a_file_that_is_of_no_use_is_an_alarm_and_changes_nothing
    ].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

a_certificate_replaced_under_load_costs_no_push(Config) ->
    %% credentials_reloaded comes once, each push is accepted, and each arrives once.
    {Simulator, File} = start_app(Config),
    Before = push(1000),
    #{certificate_file := Good} = apns_simulator:certificate_config(Simulator, <<"good">>),
    replace(Good, File),
    {Ids, Events} = push_until_reloaded(Before, []),
    [#{detail := Detail}] = apns_events:kind(credentials_reloaded, Events),
    ?assertNotEqual(nomatch, string:find(Detail, "certificate")),
    After = push(1000),
    Pushes = lists:sort(After ++ Ids),
    Known = [Event || #{apns_id := _} = Event <- Events],
    Outcomes = Known ++ apns_events:outcomes(?APP, length(Pushes) - length(Known), 60000),
    ?assertEqual(Pushes, apns_events:ids(Outcomes)),
    ?assertEqual([accepted], lists:usort([Kind || #{event := Kind} <- Outcomes])),
    ?assertEqual(length(Pushes), length(apns_simulator:journal(Simulator, length(Pushes)))),
    ?assertMatch(#{credentials_reloads := 1, credentials_failures := 0, connects := Connects}
                     when Connects >= 2, apns_nif:stats(?APP)).

a_file_that_is_of_no_use_is_an_alarm_and_changes_nothing(Config) ->
    %% What is no certificate is told, and pushes go on with the one before.
    {_Simulator, File} = start_app(Config),
    Bad = File ++ ".bad",
    ok = file:write_file(Bad, <<"no certificate">>),
    replace(Bad, File),
    [#{alarm := configuration, detail := Detail}] =
        apns_events:kind(alarm, apns_events:collect(?APP, [alarm])),
    ?assertNotEqual(nomatch, string:find(Detail, "certificate_file")),
    [Id] = push(1),
    ?assertMatch(#{event := accepted, apns_id := Id}, apns_events:outcome(?APP)),
    ?assertMatch(#{credentials_reloads := 0, credentials_failures := Failures} when Failures >= 1,
                 apns_nif:stats(?APP)).

%%% What the cases share

%% An app whose certificate is a copy of one that is good for the simulator's environment.
start_app(Config) ->
    Simulator = apns_simulator:start(),
    AppConfig = apns_simulator:certificate_config(Simulator, <<"development">>),
    File = filename:join(proplists:get_value(priv_dir, Config), "push.pem"),
    replace(maps:get(certificate_file, AppConfig), File),
    ok = apns_nif:start_app(?APP, AppConfig#{
        certificate_file => unicode:characters_to_binary(File),
        credentials_check_interval => 20,
        outcomes => all
    }),
    {Simulator, File}.

%% As most programs replace a file.
replace(Source, File) ->
    {ok, _} = file:copy(Source, File ++ ".new"),
    ok = file:rename(File ++ ".new", File).

push(Count) ->
    [begin
        {ok, [Id]} = apns_nif:notify(?APP, {token, token(N)}, ?HELLO),
        Id
    end || N <- lists:seq(1, Count)].

%% Keeps some pushes in flight until the event has come.
push_until_reloaded(Ids, Events) ->
    More = case length(Ids) - length(Events) < 1000 of
        true -> push(100);
        false -> []
    end,
    receive
        {apns, ?APP, New} ->
            case apns_events:kind(credentials_reloaded, New) of
                [] -> push_until_reloaded(More ++ Ids, Events ++ New);
                [_] -> {More ++ Ids, Events ++ New}
            end
    after 20000 ->
        error(not_reloaded)
    end.

token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).
