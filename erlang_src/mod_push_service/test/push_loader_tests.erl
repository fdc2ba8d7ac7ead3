%% The bound of the loader's queue.
-module(push_loader_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NOTHING, {all, {<<"bob">>, <<"localhost">>}, []}).

bound_test_() ->
    {setup,
     fun() ->
         ok = push_counters:init(),
         ok = push_loader:init_queue(),
         {ok, Pid} = push_loader:start_link(),
         ok = sys:suspend(push_loader),
         Pid
     end,
     fun(Pid) ->
         unlink(Pid),
         gen_server:stop(Pid)
     end,
     {timeout, 30, fun() ->
         Before = maps:get(loader_full, push_counters:all()),
         Full = fun() -> maps:get(loader_full, push_counters:all()) - Before end,
         [push_loader:push(?NOTHING) || _ <- lists:seq(1, 10000)],
         ?assertEqual(0, Full()),
         push_loader:push(?NOTHING),
         ?assertEqual(1, Full()),
         ?assertEqual({message_queue_len, 10000},
                      process_info(whereis(push_loader), message_queue_len)),
         %% What is done makes room.
         ok = sys:resume(push_loader),
         _ = sys:get_state(push_loader),
         push_loader:push(?NOTHING),
         ?assertEqual(1, Full())
     end}}.
