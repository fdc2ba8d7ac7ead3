-module(push_rate_tests).

-include_lib("eunit/include/eunit.hrl").

-define(BOB, {<<"bob">>, <<"example.org">>}).
-define(EVE, {<<"eve">>, <<"example.org">>}).

sixty_a_minute_test() ->
    with_table(fun() ->
        Answers = [push_rate:allowed(?BOB, 6000 + N rem 60, 1) || N <- lists:seq(1, 70)],
        ?assertEqual({60, 10}, count(Answers)),
        %% Somebody else is not concerned, and the next minute is another.
        ?assert(push_rate:allowed(?EVE, 6059, 1)),
        ?assert(push_rate:allowed(?BOB, 6060, 1)),
        ?assertEqual({59, 1}, count([push_rate:allowed(?BOB, 6119, 1) || _ <- lists:seq(1, 60)]))
    end).

nothing_is_kept_of_a_minute_that_is_over_test() ->
    with_table(fun() ->
        [push_rate:allowed({N, <<"example.org">>}, 60, 1) || N <- lists:seq(1, 100)],
        ?assert(push_rate:allowed(?BOB, 120, 1)),
        ?assertEqual(2, ets:info(push_rate, size))
    end).

users_beyond_the_bound_are_not_counted_and_may_test() ->
    with_table(fun() ->
        [push_rate:allowed({N, <<"example.org">>}, 60, 1) || N <- lists:seq(1, 100001)],
        ?assertEqual(100001, ets:info(push_rate, size)),
        ?assertEqual({100, 0}, count([push_rate:allowed(?EVE, 60, 1) || _ <- lists:seq(1, 100)])),
        %% Who is counted already still is.
        ?assertEqual({59, 41}, count([push_rate:allowed({1, <<"example.org">>}, 60, 1)
                                      || _ <- lists:seq(1, 100)]))
    end).

two_at_once_are_both_or_neither_test() ->
    with_table(fun() ->
        ?assertEqual({59, 0}, count([push_rate:allowed(?BOB, 60, 1) || _ <- lists:seq(1, 59)])),
        ?assertNot(push_rate:allowed(?BOB, 60, 2)),
        ?assert(push_rate:allowed(?BOB, 120, 2))
    end).

without_a_table_all_may_test() ->
    ?assert(push_rate:allowed(?BOB, 60, 1)).

count(Answers) ->
    {Yes, No} = lists:partition(fun(Allowed) -> Allowed end, Answers),
    {length(Yes), length(No)}.

with_table(Test) ->
    ok = push_rate:init(),
    try Test() after ets:delete(push_rate) end.
