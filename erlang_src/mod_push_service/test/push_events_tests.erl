%% Each event is a log line at the level of whom it concerns, without a whole token.
-module(push_events_tests).

-include_lib("eunit/include/eunit.hrl").

-export([log/2]).

-define(APP, <<"im.app">>).
-define(TOKEN, <<"00fc13adff785122b4ad28809a342098">>).

levels_test_() ->
    Push = #{apns_id => <<"8f0a1f0e">>, token => ?TOKEN},
    Rows =
        [{#{event => alarm, alarm => configuration, detail => <<"check the key">>}, error,
          "check the key"},
         {#{event => alarm, alarm => clock_skew, detail => <<"x">>}, error, "clock_skew"},
         {#{event => alarm, alarm => engine_crashed, detail => <<"x">>}, warning,
          "engine_crashed"},
         {#{event => alarm, alarm => one_of_tomorrow, detail => <<"x">>}, warning,
          "one_of_tomorrow"},
         {#{event => connection_up, address => <<"17.0.0.1:443">>}, info, "17.0.0.1:443"},
         {#{event => connection_down, reason => <<"refused">>, retry_in => 100}, warning,
          "100 ms"},
         {#{event => connection_down, reason => <<"it is replaced">>, retry_in => 0}, info,
          "it is replaced; another connection is made at once"},
         {#{event => connection_down, reason => <<"not needed">>}, info, "not needed"},
         {Push#{event => rejected, status => 400, reason => <<"BadTopic">>}, debug,
          "400 BadTopic"},
         {Push#{event => rejected, status => 400}, debug, "00fc13ad... rejected: 400"},
         {Push#{event => failed, cause => expired}, debug, "expired"},
         {#{event => one_of_tomorrow, secret => ?TOKEN}, warning, "one_of_tomorrow"}],
    [{atom_to_list(maps:get(event, Event)), fun() ->
        {Came, Text} = logged(fun() -> push_events:handle(?APP, Event) end),
        ?assertEqual(Level, Came),
        ?assertNotEqual(nomatch, string:find(Text, Words)),
        ?assertNotEqual(nomatch, string:find(Text, "im.app")),
        ?assertEqual(nomatch, string:find(Text, ?TOKEN))
     end} || {Event, Level, Words} <- Rows].

%% A connection that ended for the reason of the alarm just logged does not repeat it.
alarm_test() ->
    Text = <<"the certificate is not trusted">>,
    Alarm = #{event => alarm, alarm => server_certificate, detail => Text},
    Down = #{event => connection_down, reason => Text, retry_in => 100},
    Up = #{event => connection_up, address => <<"17.0.0.1:443">>},
    ?assertEqual(Text, push_events:handle_all(?APP, [Alarm], none)),
    ?assertEqual(none, push_events:handle_all(?APP, [Down, Up], Text)),
    Line = fun(Last) ->
        {warning, Said} = logged(fun() ->
            Last = push_events:handle_all(?APP, [Down], Last),
            ok
        end),
        Said
    end,
    ?assertNotEqual(nomatch, string:find(Line(none), Text)),
    ?assertNotEqual(nomatch, string:find(Line(<<"another alarm">>), Text)),
    ?assertEqual("Push app im.app: no connection: see the alarm; trying again in 100 ms",
                 Line(Text)).

%% The one line that an action logs, caught by a handler of its own.
logged(Action) ->
    #{level := Level} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, debug),
    _ = logger:set_handler_config(default, level, none),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => #{to => self()}}),
    try
        ok = Action(),
        receive {logged, Line} -> Line after 5000 -> none end
    after
        ok = logger:remove_handler(?MODULE),
        _ = logger:set_handler_config(default, level, all),
        ok = logger:set_primary_config(level, Level)
    end.

log(#{level := Level, msg := {Format, Args}, meta := #{mfa := {push_events, _, _}}},
    #{config := #{to := Pid}}) ->
    Pid ! {logged, {Level, lists:flatten(io_lib:format(Format, Args))}};
log(_, _) ->
    ok.
