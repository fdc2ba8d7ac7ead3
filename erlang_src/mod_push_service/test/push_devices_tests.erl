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
    [{Name, ?_assertEqual(Expected, lists:sort([T || #{token := T}
                                                       <- push_devices:superseded(New, Owned)]))}
     || {Name, Owned, Expected} <- Rows].

devices_without_an_id_do_not_replace_one_another_test() ->
    ?assertEqual([], push_devices:superseded(device(<<"new">>, <<>>, 2),
                                             [device(<<"old">>, <<>>, 1)])).

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
