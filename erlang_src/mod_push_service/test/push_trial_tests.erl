%% What a test push says, and what is said of what became of it.
-module(push_trial_tests).

-include_lib("eunit/include/eunit.hrl").

%% {event, outcome, status, reason, a part of the advice}
every_end_of_a_push_is_an_outcome_test_() ->
    Id = <<"d916d20f-2c34-45d8-8b44-f33d6698e5bc">>,
    Rejected = fun(Status, Reason) ->
        #{event => rejected, apns_id => Id, status => Status, reason => Reason}
    end,
    Failed = fun(Cause) -> #{event => failed, apns_id => Id, cause => Cause} end,
    Rows =
        [{#{event => accepted, apns_id => Id}, accepted, 0, <<>>, <<"Apple took it">>},
         {Rejected(410, <<"Unregistered">>), rejected, 410, <<"Unregistered">>, <<"removed">>},
         {Rejected(410, <<"ExpiredToken">>), rejected, 410, <<"ExpiredToken">>, <<"removed">>},
         {Rejected(400, <<"BadDeviceToken">>), rejected, 400, <<"BadDeviceToken">>, <<"sandbox">>},
         {Rejected(400, <<"DeviceTokenNotForTopic">>), rejected, 400,
          <<"DeviceTokenNotForTopic">>, <<"another app">>},
         {Rejected(400, <<"New">>), rejected, 400, <<"New">>, <<"operations.md">>},
         {maps:remove(reason, Rejected(404, <<>>)), rejected, 404, <<>>, <<"operations.md">>},
         {Failed(unreachable), failed, 0, <<"unreachable">>, <<"firewall">>},
         {Failed(expired), failed, 0, <<"expired">>, <<"firewall">>},
         {Failed(paused), failed, 0, <<"paused">>, <<"alarm">>},
         {Failed(engine_crashed), failed, 0, <<"engine_crashed">>, <<"try again">>},
         {(Failed(expired))#{status => 503, reason => <<"ServiceUnavailable">>}, failed, 503,
          <<"expired, last answer: ServiceUnavailable">>, <<"firewall">>},
         {{timeout, Id}, timeout, 0, <<"no_outcome">>, <<"log">>},
         {{error, unknown_app}, failed, 0, <<"app_down">>, <<"log">>},
         {{error, stopped}, failed, 0, <<"app_down">>, <<"log">>},
         {{error, not_configured}, failed, 0, <<"not_configured">>, <<"'apps'">>},
         {{error, overloaded}, failed, 0, <<"overloaded">>, <<"queue">>},
         {{error, {bad_notification, body}}, failed, 0, <<"refused">>, <<"log">>}],
    [?_test(begin
        Outcome = push_trial:outcome(#{token => <<"00">>}, Event),
        ?assertMatch(#{outcome := Kind, status := Status, reason := Reason,
                       device := #{token := <<"00">>}}, Outcome),
        ?assertNotEqual(nomatch, binary:match(maps:get(advice, Outcome), Advice))
     end) || {Event, Kind, Status, Reason, Advice} <- Rows].

a_push_that_the_engine_never_took_has_no_id_test_() ->
    [?_assertMatch(#{apns_id := <<"i">>}, push_trial:outcome(#{}, {timeout, <<"i">>})),
     ?_assertMatch(#{apns_id := <<>>}, push_trial:outcome(#{}, {error, overloaded}))].

an_alert_shows_the_text_and_is_not_stored_for_long_test() ->
    ?assertMatch(#{push_type := alert, body := <<"hi">>, expiration := 1015,
                   custom := #{<<"test">> := true}},
                 push_trial:notification(alert, <<"hi">>, <<"1">>, 1000)).

a_phone_rings_with_a_call_that_can_be_shown_test() ->
    ?assertMatch(#{push_type := voip, expiration := 1015,
                   custom := #{<<"test">> := true,
                               <<"call">> := #{<<"id">> := <<"test-1">>, <<"from">> := <<"hi">>,
                                               <<"media">> := [<<"audio">>]}}},
                 push_trial:notification(voip, <<"hi">>, <<"1">>, 1000)).
