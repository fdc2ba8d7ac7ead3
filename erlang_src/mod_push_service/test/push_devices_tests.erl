%% The rules that need no store.
-module(push_devices_tests).

-include_lib("eunit/include/eunit.hrl").

superseded_test_() ->
    New = device(<<"new">>, <<"phone">>, 100),
    Rows =
        [{"nothing there", [], []},
         {"the same token is renewed, not removed", [device(<<"new">>, <<"phone">>, 1)], []},
         {"the same device with another token", [device(<<"old">>, <<"phone">>, 1)], [<<"old">>]},
         {"another device", [device(<<"pad">>, <<"pad">>, 1)], []},
         {"another kind of the same device",
          [(device(<<"voip">>, <<"phone">>, 1))#{kind := voip}], []},
         {"the same device in another app",
          [(device(<<"old">>, <<"phone">>, 1))#{app := <<"b">>}], []},
         {"19 others are few enough", others(19), []},
         {"of 21 others the oldest two go", others(21), [<<"1">>, <<"2">>]}],
    Gone = fun(Owned) -> [T || #{token := T} <- push_devices:superseded(New, Owned, 20)] end,
    [{Name, ?_assertEqual(Expected, lists:sort(Gone(Owned)))} || {Name, Owned, Expected} <- Rows].

devices_without_an_id_do_not_replace_one_another_test() ->
    ?assertEqual([], push_devices:superseded(device(<<"new">>, <<>>, 2),
                                             [device(<<"old">>, <<>>, 1)], 20)).

one_device_at_most_test() ->
    New = device(<<"new">>, <<>>, 5),
    ?assertEqual([<<"2">>, <<"1">>],
                 [T || #{token := T} <- push_devices:superseded(New, others(2), 1)]).

the_longest_unused_goes_though_others_were_registered_earlier_test() ->
    New = device(<<"new">>, <<>>, 100),
    Used = [(device(<<"old but used">>, <<"pad">>, 1))#{last_used => 50},
            device(<<"unused">>, <<"phone">>, 40)],
    ?assertEqual([<<"unused">>],
                 [T || #{token := T} <- push_devices:superseded(New, Used, 2)]).

%% Its two tokens are registered one after the other, and neither may drive the other away.
a_phone_with_two_tokens_is_one_test() ->
    Alert = device(<<"alert">>, <<"phone">>, 1),
    Voip = (device(<<"voip">>, <<"phone">>, 2))#{kind := voip},
    ?assertEqual([], push_devices:superseded(Voip, [Alert], 1)),
    Other = device(<<"other">>, <<"pad">>, 3),
    Gone = push_devices:superseded(Other, [Alert, Voip], 1),
    ?assertEqual([<<"alert">>, <<"voip">>], lists:sort([T || #{token := T} <- Gone])),
    ?assertEqual([], push_devices:superseded(Other, [Alert, Voip], 2)).

%% {token, app, kind, device_id, registered_at}
ringing_test_() ->
    Rows =
        [{"nobody", [], []},
         {"a phone's PushKit token, not its alert token",
          [{v, a, voip, <<"phone">>, 1}, {t, a, alert, <<"phone">>, 2}], [v]},
         {"the same where it gave no device_id",
          [{v, a, voip, <<>>, 1}, {t, a, alert, <<>>, 2}], [v]},
         {"a device_id for one of its tokens only might be the same phone",
          [{v, a, voip, <<"phone">>, 1}, {t, a, alert, <<>>, 2}], [v]},
         {"and the other way round",
          [{v, a, voip, <<>>, 1}, {t, a, alert, <<"phone">>, 2}], [v]},
         {"the phone, and the pad that takes alerts only",
          [{v, a, voip, <<"phone">>, 1}, {t, a, alert, <<"phone">>, 2},
           {p, a, alert, <<"pad">>, 3}], [p, v]},
         {"without device_id the pad might be the phone; it shares the app",
          [{v, a, voip, <<>>, 1}, {t, a, alert, <<>>, 2}, {p, a, alert, <<>>, 3}], [v]},
         {"another app's device without device_id is another phone",
          [{v, a, voip, <<>>, 1}, {t, b, alert, <<>>, 2}], [t, v]},
         {"the same device_id in another app is the same phone",
          [{v, a, voip, <<"phone">>, 1}, {t, b, alert, <<"phone">>, 2}], [v]},
         {"of two apps with PushKit on one phone, the one that registered last",
          [{v, a, voip, <<"phone">>, 1}, {w, b, voip, <<"phone">>, 2}], [w]},
         {"of two apps with alerts on one phone too",
          [{s, a, alert, <<"phone">>, 2}, {t, b, alert, <<"phone">>, 1}], [s]},
         {"two phones with PushKit, with and without device_id",
          [{v, a, voip, <<>>, 1}, {w, a, voip, <<"phone">>, 2}, {x, a, voip, <<>>, 3}],
          [v, w, x]},
         {"no PushKit token: every alert token",
          [{s, a, alert, <<>>, 1}, {t, a, alert, <<"phone">>, 2}, {u, b, alert, <<>>, 3}],
          [s, t, u]}],
    [{Name, ?_assertEqual(Expected, lists:sort([T || #{token := T} <- ringing(Order)]))}
     || {Name, Devices, Expected} <- Rows, Order <- [Devices, lists:reverse(Devices)]].

ringing(Rows) ->
    push_devices:ringing([#{token => T, app => App, kind => Kind, device_id => Id,
                            registered_at => At} || {T, App, Kind, Id, At} <- Rows]).

a_node_tells_devices_apart_and_hides_the_token_test() ->
    Node = push_devices:node(<<"k">>, device(<<"aabb">>, <<>>, 1)),
    ?assertNotEqual(Node, push_devices:node(<<"k">>, device(<<"aabc">>, <<>>, 1))),
    ?assertEqual(error, push_form:token(Node)),
    ?assertNotEqual(push_devices:secret(<<"k">>, {<<"a">>, <<"h">>}, Node),
                    push_devices:secret(<<"k">>, {<<"b">>, <<"h">>}, Node)).

others(N) ->
    [device(integer_to_binary(I), <<"d", (integer_to_binary(I))/binary>>, I)
     || I <- lists:seq(1, N)].

device(Token, Id, At) ->
    #{us => {<<"bob">>, <<"localhost">>}, app => <<"a">>, token => Token, kind => alert,
      device_id => Id, registered_at => At}.
