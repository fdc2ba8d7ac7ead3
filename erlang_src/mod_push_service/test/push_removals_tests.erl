%% Why a registration ends other devices, and what of it is kept.
-module(push_removals_tests).

-include_lib("eunit/include/eunit.hrl").

why_test_() ->
    New = device(<<"bob">>, <<"new">>, <<"phone">>),
    Rows =
        [{"the same token of another account", device(<<"carol">>, <<"new">>, <<"phone">>),
          <<"another account registered it">>},
         {"the phone's former token", device(<<"bob">>, <<"old">>, <<"phone">>),
          <<"it has another token now">>},
         {"another phone", device(<<"bob">>, <<"old">>, <<"pad">>),
          <<"the account has too many devices">>},
         {"one without an id", device(<<"bob">>, <<"old">>, <<>>),
          <<"the account has too many devices">>},
         {"itself", New, none}],
    [{Name, ?_assertEqual(Why, push_removals:why(New, Gone))} || {Name, Gone, Why} <- Rows].

ids_that_were_not_given_are_not_the_same_test() ->
    ?assertEqual(<<"the account has too many devices">>,
                 push_removals:why(device(<<"bob">>, <<"new">>, <<>>),
                                   device(<<"bob">>, <<"old">>, <<>>))).

the_latest_are_kept_test() ->
    Removals = [#{removed_at => At} || At <- [3, 1, 5, 2]],
    ?assertEqual([#{removed_at => 5}, #{removed_at => 3}], push_removals:kept(Removals, 2)).

device(User, Token, Id) ->
    #{us => {User, <<"localhost">>}, app => <<"a">>, token => Token, device_id => Id}.
