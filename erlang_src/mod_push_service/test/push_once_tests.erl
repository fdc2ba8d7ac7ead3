%% The memory of what was pushed.
-module(push_once_tests).

-include_lib("eunit/include/eunit.hrl").

once_test_() ->
    {setup,
     fun() ->
         ok = push_counters:init(),
         {ok, Pid} = push_once:start_link(),
         Pid
     end,
     fun(Pid) ->
         unlink(Pid),
         gen_server:stop(Pid)
     end,
     [{"first, then again", fun() ->
          ?assertEqual(first, push_once:remember(<<"a">>)),
          ?assertEqual(again, push_once:remember(<<"a">>)),
          ?assertEqual(first, push_once:remember(<<"A">>))
      end},
      {"the word of the first time stays, whatever its generation", fun() ->
          ?assertEqual(first, push_once:remember(<<"word">>, some)),
          ?assertEqual({again, some}, push_once:remember(<<"word">>, all)),
          ok = next_generation(),
          ?assertEqual({again, some}, push_once:remember(<<"word">>, all))
      end},
      {"one of many that ask at once is the first", fun() ->
          Answers = in_parallel(20, fun() -> push_once:remember(<<"race">>) end),
          ?assertEqual([first], [A || A <- Answers, A =:= first])
      end},
      {"what is forgotten is new, whatever its generation", fun() ->
          first = push_once:remember(<<"c">>),
          first = push_once:remember(<<"d">>),
          ok = push_once:forget(<<"c">>),
          ?assertEqual(first, push_once:remember(<<"c">>)),
          ?assertEqual(again, push_once:remember(<<"d">>)),
          ok = next_generation(),
          ok = push_once:forget(<<"d">>),
          ?assertEqual(first, push_once:remember(<<"d">>))
      end},
      {"it outlives one change of generations, not two", fun() ->
          first = push_once:remember(<<"b">>),
          ok = next_generation(),
          ?assertEqual(again, push_once:remember(<<"b">>)),
          ok = next_generation(),
          ?assertEqual(first, push_once:remember(<<"b">>))
      end},
      {"the bound holds", {timeout, 60, fun() ->
          [push_once:remember(integer_to_binary(I)) || I <- lists:seq(1, 450000)],
          Size = ets:info(push_once_a, size) + ets:info(push_once_b, size),
          ?assert(Size =< 400000),
          ?assertEqual(again, push_once:remember(<<"450000">>))
      end}}]}.

without_its_process_everything_is_new_test() ->
    ?assertEqual(undefined, whereis(push_once)),
    ?assertEqual(first, push_once:remember(<<"x">>)),
    ?assertEqual(first, push_once:remember(<<"x">>, all)),
    ?assertEqual(ok, push_once:forget(<<"x">>)).

%% As its timer would.
next_generation() ->
    Timer = sys:get_state(push_once),
    push_once ! {timeout, Timer, lifetime},
    _ = sys:get_state(push_once),
    ok.

in_parallel(N, Fun) ->
    Self = self(),
    Pids = [spawn_link(fun() -> Self ! {self(), Fun()} end) || _ <- lists:seq(1, N)],
    [receive {Pid, Answer} -> Answer end || Pid <- Pids].
