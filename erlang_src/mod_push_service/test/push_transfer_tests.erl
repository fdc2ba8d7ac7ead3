%% Which registration wins when an old one comes along.
-module(push_transfer_tests).

-include_lib("eunit/include/eunit.hrl").

device(Token, At) ->
    device(Token, At, <<>>).

device(Token, At, Id) ->
    #{us => {<<"bob">>, <<"h">>}, app => <<"a">>, token => Token, kind => alert, device_id => Id,
      registered_at => At}.

superseded(Device, Owned) ->
    Previous = [D || #{token := T} = D <- Owned, T =:= maps:get(token, Device)],
    push_transfer:superseded(Device, Owned, Previous, 3).

a_new_device_takes_nobodys_place_test() ->
    ?assertEqual([], superseded(device(<<"1">>, 5), [])),
    ?assertEqual([], superseded(device(<<"1">>, 5), [device(<<"2">>, 1), device(<<"3">>, 9)])).

the_same_again_is_left_out_test() ->
    ?assertEqual(keep, superseded(device(<<"1">>, 5), [device(<<"1">>, 5)])),
    ?assertEqual(keep, superseded(device(<<"1">>, 5), [device(<<"1">>, 6)])),
    ?assertEqual([], superseded(device(<<"1">>, 5), [device(<<"1">>, 4)])).

another_owners_later_registration_stays_test() ->
    Other = (device(<<"1">>, 5))#{us => {<<"carol">>, <<"h">>}},
    ?assertEqual(keep, push_transfer:superseded(device(<<"1">>, 5), [], [Other], 3)),
    ?assertEqual([], push_transfer:superseded(device(<<"1">>, 6), [], [Other], 3)).

a_phones_newest_token_stays_test() ->
    New = device(<<"2">>, 9, <<"phone">>),
    Old = device(<<"2">>, 1, <<"phone">>),
    ?assertEqual(keep, superseded(device(<<"1">>, 5, <<"phone">>), [New])),
    ?assertEqual([Old], superseded(device(<<"1">>, 5, <<"phone">>), [Old])).

of_too_many_the_oldest_goes_whichever_it_is_test() ->
    Later = [device(<<"7">>, 7), device(<<"8">>, 8), device(<<"9">>, 9)],
    ?assertEqual(keep, superseded(device(<<"1">>, 5), Later)),
    Mixed = [device(<<"2">>, 2), device(<<"8">>, 8), device(<<"9">>, 9)],
    ?assertEqual([device(<<"2">>, 2)], superseded(device(<<"1">>, 5), Mixed)).

two_tokens_of_a_phone_are_one_test() ->
    Later = [device(integer_to_binary(N), N, Phone) || {N, Phone} <- [{6, <<"a">>}, {7, <<"a">>},
                                                                     {8, <<"b">>}]],
    ?assertEqual([], superseded(device(<<"1">>, 5), Later)).
