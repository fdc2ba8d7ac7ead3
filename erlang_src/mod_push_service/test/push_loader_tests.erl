%% The loader's queue, and what it does without asking the database.
-module(push_loader_tests).

-include_lib("eunit/include/eunit.hrl").

-define(US, {<<"bob">>, <<"localhost">>}).
-define(NOTHING, {all, ?US, [], {<<"key">>, []}}).

bound_test_() ->
    {setup, fun suspended/0, fun stop/1,
     {timeout, 30, fun() ->
         Before = maps:get(loader_full, push_counters:all()),
         Full = fun() -> maps:get(loader_full, push_counters:all()) - Before end,
         [push_loader:push(?NOTHING) || _ <- lists:seq(1, 10000)],
         ?assertEqual(0, Full()),
         ?assertEqual(full, push_loader:push(?NOTHING)),
         ?assertEqual(1, Full()),
         ?assertEqual({message_queue_len, 10000},
                      process_info(whereis(push_loader), message_queue_len)),
         %% What is done makes room.
         ok = sys:resume(push_loader),
         _ = sys:get_state(push_loader),
         ?assertEqual(ok, push_loader:push(?NOTHING)),
         ?assertEqual(1, Full())
     end}}.

calls_have_room_where_messages_have_none_test_() ->
    {setup, fun suspended/0, fun stop/1, fun() ->
        [ok = push_loader:push(?NOTHING) || _ <- lists:seq(1, 10000)],
        ?assertEqual(full, push_loader:push(some({message, #{}}))),
        ?assertEqual(ok, push_loader:push(some({call, #{}, #{}})))
    end}.

some(Note) ->
    {some, #{us => ?US, key => <<"key">>, notes => [{none, Note}]}, [], []}.

%% All owners of a vhost may be millions, and the database away.
copies_of_which_nobody_knows_whether_they_are_right_go_without_a_look_into_the_database_test_() ->
    {setup,
     fun() ->
         Engines = push_engines:setup(),
         _ = push_engines:start(<<"a">>, #{registry => cache}, Engines),
         ok = push_settings:put(<<"localhost">>, #{service => <<"push.localhost">>,
                                                   content => none,
                                                   apps => #{<<"a">> => #{}}}),
         Pid = suspended(),
         ok = sys:resume(Pid),
         {Engines, Pid}
     end,
     fun({Engines, Pid}) ->
         stop(Pid),
         push_engines:cleanup(Engines)
     end,
     fun({_, Pid}) ->
         [{What, fun() ->
              ok = apns_nif:set_devices(<<"a">>, <<"bob@localhost">>, []),
              1 = erlang:trace(Pid, true, [call]),
              1 = erlang:trace_pattern({push_devices, backend, 1}, true, [global]),
              ok = Change(),
              _ = sys:get_state(push_loader),
              Delivered = erlang:trace_delivered(Pid),
              receive {trace_delivered, Pid, Delivered} -> ok end,
              1 = erlang:trace(Pid, false, [call]),
              Asked = receive {trace, Pid, call, _} -> asked after 0 -> not_asked end,
              ?assertEqual(not_asked, Asked),
              ?assertEqual({error, unknown_owner},
                           apns_nif:count_devices(<<"a">>, <<"bob@localhost">>))
          end}
          || {What, Change} <-
                 [{"settings", fun() ->
                      push_loader:forget_host(<<"localhost">>, fun() -> ok end)
                  end},
                  {"node down", fun() -> push_loader ! {nodedown, other@host}, ok end},
                  {"node up", fun() -> push_loader ! {nodeup, other@host}, ok end}]]
     end}.

suspended() ->
    ok = push_counters:init(),
    ok = push_loader:init_queue(),
    {ok, Pid} = push_loader:start_link(),
    ok = sys:suspend(Pid),
    Pid.

stop(Pid) ->
    unlink(Pid),
    %% It may have its queue before it.
    exit(Pid, kill),
    Monitor = monitor(process, Pid),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.
