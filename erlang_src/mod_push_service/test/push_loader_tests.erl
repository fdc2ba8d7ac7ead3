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

%% All owners of a vhost may be millions.
to_forget_all_reads_no_owner_test_() ->
    {setup,
     fun() ->
         Engines = push_engines:setup(),
         _ = push_engines:start(<<"forget">>, #{}, Engines),
         ok = push_settings:put(<<"localhost">>, #{service => <<"push.localhost">>,
                                                   content => none,
                                                   apps => #{<<"forget">> => #{}}}),
         Pid = suspended(),
         ok = sys:resume(Pid),
         {Pid, Engines}
     end,
     fun({Pid, Engines}) ->
         stop(Pid),
         push_engines:cleanup(Engines)
     end,
     fun() ->
         Pid = whereis(push_loader),
         ok = apns_nif:set_devices(<<"forget">>, <<"bob@localhost">>, []),
         1 = erlang:trace(Pid, true, [call]),
         1 = erlang:trace_pattern({push_devices, backend, 1}, true, [global]),
         ok = push_loader:forget_host(<<"localhost">>, fun() -> ok end),
         Delivered = erlang:trace_delivered(Pid),
         receive {trace_delivered, Pid, Delivered} -> ok end,
         ?assertEqual(not_asked, receive {trace, Pid, call, _} -> asked after 0 -> not_asked end),
         ?assertMatch(#{owners := 0}, push_engines:stats(<<"forget">>))
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
