%% Ends that a database did not take: what they cover, how many are kept, how they are repeated.
-module(push_ends_tests).

-include_lib("eunit/include/eunit.hrl").

-define(US, {<<"bob">>, <<"localhost">>}).
-define(LOGOUT, {logout, ?US, {<<"phone">>, none}}).
-define(MAX_ENDS, 20000).

table_test_() ->
    {foreach,
     fun() -> ok = push_counters:init(), ok = push_ends:init() end,
     fun(_) -> true = ets:delete(push_ends) end,
     [{"a logout ends what asked for it and was not registered since", fun() ->
          ?assertNot(ends(device())),
          ok = push_ends:keep(?LOGOUT, 10, none),
          ?assert(ends(device())),
          [?assertNot(ends(maps:merge(device(), Other)))
           || Other <- [#{registered_at => 11}, #{remove_on_logout => false},
                        #{resource => <<"desk">>}, #{us => {<<"bob">>, <<"other">>}}]]
      end},
      {"a user agent's logout ends what it registered by any resource, not another's", fun() ->
          Mine = {<<"desk">>, Agent = push_sessions:user_agent(<<"a">>, 10)},
          Device = maps:merge(device(), push_sessions:binding({<<"phone">>, Agent})),
          ok = push_ends:keep({logout, ?US, {<<"phone">>, push_sessions:user_agent(<<"b">>, 10)}},
                              10, none),
          ?assertNot(ends(Device)),
          ok = push_ends:keep({logout, ?US, Mine}, 10, none),
          ?assert(ends(Device))
      end},
      {"a new password ends what was not registered since, whatever it asked for", fun() ->
          ok = push_ends:keep({logout, ?US, password}, 10, none),
          ?assert(ends((device())#{remove_on_logout => false})),
          ?assertNot(ends((device())#{registered_at => 11}))
      end},
      {"an account ends all its devices, a dead token one, whoever has it", fun() ->
          Carols = (device())#{us => {<<"carol">>, <<"localhost">>}, remove_on_logout => false},
          ok = push_ends:keep({account, ?US}, 10, none),
          ?assert(ends((device())#{remove_on_logout => false})),
          ?assertNot(ends((device())#{registered_at => 11})),
          ?assertNot(ends(Carols)),
          ok = push_ends:keep({token, <<"a">>, <<"t">>}, 10, {<<"Unregistered">>, none}),
          ?assert(ends(Carols)),
          ?assertNot(ends(Carols#{app => <<"b">>})),
          ?assertNot(ends(Carols#{registered_at => 11}))
      end},
      {"of two ends the later counts, in whichever order they come", fun() ->
          [ok = push_ends:keep(?LOGOUT, At, none) || At <- [10, 20, 15]],
          ?assertEqual({all, 1}, push_ends:repeat(fun(?LOGOUT, 20, none) -> ok end))
      end},
      {"what the database takes is done once, and what comes meanwhile stays", fun() ->
          ?assertEqual(none, push_ends:repeat(fun(_, _, _) -> error(called) end)),
          ok = push_ends:keep(?LOGOUT, 10, none),
          ?assertEqual({all, 1}, push_ends:repeat(fun(?LOGOUT, 10, none) ->
              push_ends:keep(?LOGOUT, 20, none)
          end)),
          ?assert(ends((device())#{registered_at => 20})),
          ?assertEqual({all, 1}, push_ends:repeat(fun(?LOGOUT, 20, none) -> ok end)),
          ?assertEqual(none, push_ends:repeat(fun(_, _, _) -> error(called) end)),
          ?assertNot(ends(device()))
      end},
      {"a vhost whose database is away is tried once, and holds up no other", fun() ->
          [ok = push_ends:keep({account, {integer_to_binary(N), Host}}, 10, none)
           || N <- lists:seq(1, 5), Host <- [<<"away">>, <<"there">>]],
          Tried = counters:new(1, []),
          Repeat = fun({account, {_, <<"away">>}}, _, _) ->
                           ok = counters:add(Tried, 1, 1), {error, db_failure};
                      (_, _, _) ->
                           ok
                   end,
          ?assertEqual({later, 5}, push_ends:repeat(Repeat)),
          ?assertEqual(1, counters:get(Tried, 1)),
          ?assertEqual({all, 5}, push_ends:repeat(fun(_, _, _) -> ok end))
      end},
      {"many are repeated some at a time", fun() ->
          [ok = push_ends:keep({account, {integer_to_binary(N), <<"h">>}}, 10, none)
           || N <- lists:seq(1, 50)],
          Done = [push_ends:repeat(fun(_, _, _) -> ok end) || _ <- [1, 2, 3]],
          ?assertEqual([{more, 20}, {more, 20}, {all, 10}], Done)
      end},
      {"beyond the bound the later are dropped and counted, the known renewed",
       {timeout, 30, fun() ->
          Dropped = fun() -> maps:get(ends_dropped, push_counters:all()) end,
          Before = Dropped(),
          [ok = push_ends:keep({account, {<<N:32>>, <<"h">>}}, 10, none)
           || N <- lists:seq(1, ?MAX_ENDS)],
          ?assertEqual(Before, Dropped()),
          [ok = push_ends:keep({account, {<<N:32>>, <<"later">>}}, 10, none) || N <- [1, 2]],
          ?assertEqual(Before + 2, Dropped()),
          ok = push_ends:keep({account, {<<1:32>>, <<"h">>}}, 20, none),
          ?assertEqual(Before + 2, Dropped()),
          ?assert(ends((device())#{us => {<<1:32>>, <<"h">>}, registered_at => 20})),
          ?assertNot(ends((device())#{us => {<<1:32>>, <<"later">>}}))
      end}}]}.

device() ->
    #{us => ?US, app => <<"a">>, token => <<"t">>, resource => <<"phone">>, registered_at => 10,
      remove_on_logout => true}.

ends(Device) ->
    push_ends:living([Device]) =:= [].
