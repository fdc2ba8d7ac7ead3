%% What a message that no engine took leaves behind.
-module(push_trigger_tests).

-include_lib("eunit/include/eunit.hrl").
-include("xmpp.hrl").

-define(A, <<"im.example.a">>).
-define(B, <<"im.example.b">>).
-define(US, {<<"bob">>, <<"localhost">>}).
-define(OWNER, <<"bob@localhost">>).
-define(ROOM_FOR_ONE, #{queue_limit => 1}).

refused_by_the_only_app_it_is_pushed_by_a_later_hook_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, ?ROOM_FOR_ONE, Engines),
        fill(?A),
        Msg = message("<body>hello</body>"),
        ?assertEqual([overloaded], counted(Msg)),
        ok = push_engines:stop(?A),
        ?assertEqual([app_down], counted(Msg)),
        start(?A, #{}, Engines),
        ?assertEqual([pushes], counted(Msg)),
        ?assertEqual([duplicate], counted(Msg))
    end).

taken_by_one_app_of_two_it_is_done_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        start(?B, ?ROOM_FOR_ONE, Engines),
        fill(?B),
        Msg = message("<body>hello</body>"),
        ?assertEqual([overloaded, pushes], counted(Msg)),
        ?assertEqual([duplicate], counted(Msg))
    end).

a_user_without_devices_is_done_with_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        ok = apns_nif:set_devices(?A, ?OWNER, []),
        Msg = message("<body>hello</body>"),
        ?assertEqual([no_device], counted(Msg)),
        ?assertEqual([duplicate], counted(Msg))
    end).

a_user_without_devices_is_nobody_only_where_every_app_says_so_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        start(?B, #{}, Engines),
        ok = apns_nif:set_devices(?A, ?OWNER, []),
        ?assertEqual([pushes], counted(message("<body>1</body>"))),
        ok = apns_nif:set_devices(?B, ?OWNER, []),
        ?assertEqual([no_device], counted(message("<body>2</body>"))),
        ?assertEqual([undeserved], counted(message(""))),
        %% As while it is being stopped: its engine answers still.
        true = ets:delete(push_apps, ?B),
        ?assertEqual([app_down], counted(message("<body>3</body>")))
    end).

%% Their tokens take calls only: whoever asks for a count gets one, and nothing is pushed.
a_user_with_devices_for_calls_alone_has_none_for_messages_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        ok = apns_nif:set_devices(?A, ?OWNER, [#{token => <<"aa">>, kind => voip}]),
        ?assertEqual([no_device], counted(message("<body>hello</body>")))
    end).

%% A device that chose a stricter level than its vhost's is an owner of its own in the engine.
a_device_of_a_stricter_level_is_not_overlooked_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        {ok, Settings} = push_settings:get(<<"localhost">>),
        ok = push_settings:put(<<"localhost">>, Settings#{content => sender}),
        ok = apns_nif:set_devices(?A, ?OWNER, []),
        ok = apns_nif:set_devices(?A, <<?OWNER/binary, "#none">>, [<<"aa">>]),
        ?assertEqual([pushes], counted(message("<body>hello</body>")))
    end).

marks_are_kept_and_never_repeat_test() ->
    #message{meta = Meta} = Marked = message("<body>hello</body>"),
    ?assertEqual(Marked, push_trigger:mark(Marked)),
    ?assertNotEqual(Meta, (message("<body>hello</body>"))#message.meta),
    Archived = xmpp:put_meta(push_stanzas:chat("<body>hello</body>"), stanza_id, 1),
    ?assertEqual(Archived, push_trigger:mark(Archived)).

%% Unknown to the engine, and the loader cannot take it.
dropped_by_a_full_loader_it_is_pushed_by_a_later_hook_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        ok = apns_nif:forget_owner(?A, ?OWNER),
        Queue = persistent_term:get({push_loader, queue}),
        ok = atomics:put(Queue, 1, 10000),
        Msg = message("<body>hello</body>"),
        ?assertEqual([loader_full], counted(Msg)),
        ok = apns_nif:set_devices(?A, ?OWNER, [<<"aa">>]),
        ?assertEqual([pushes], counted(Msg))
    end).

%% By the time of a later hook nobody waits at the other end any more.
a_call_is_tried_once_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        start(?A, #{}, Engines),
        ok = atomics:put(persistent_term:get({push_loader, queue}), 1, 20000),
        Msg = message(push_stanzas:propose("call-1")),
        ?assertEqual([loader_full], counted(Msg)),
        ?assertEqual([duplicate], counted(Msg))
    end).

%% Marked as ejabberd_sm's hook would.
message(Children) ->
    push_trigger:mark(push_stanzas:chat(Children)).

%% The counters that an offline hook moves.
counted(Msg) ->
    Before = push_counters:all(),
    ok = push_trigger:message(offline, ?US, Msg),
    lists:sort([Name || {Name, N} <- maps:to_list(push_counters:all()),
                        N > maps:get(Name, Before)]).

start(App, Options, Engines) ->
    Config = push_engines:start(App, Options, Engines),
    Apps = case push_settings:get(<<"localhost">>) of
        {ok, #{apps := Others}} -> Others;
        none -> #{}
    end,
    ok = push_settings:put(<<"localhost">>,
                           #{service => <<"push.localhost">>, content => none,
                             apps => Apps#{App => Config}}),
    ok = apns_nif:set_devices(App, ?OWNER, [<<"aa">>]).

fill(App) ->
    {ok, [_]} = apns_nif:notify(App, {token, <<"bb">>}, #{body => <<"x">>}).

with_engines(Name, Test) ->
    {setup,
     fun() ->
         Engines = push_engines:setup(),
         ok = push_sessions:init(),
         ok = push_loader:init_queue(),
         ok = push_settings:set_mac_key(<<"localhost">>, kept, <<"key">>),
         {ok, Once} = push_once:start_link(),
         {Engines, Once}
     end,
     fun({Engines, Once}) ->
         unlink(Once),
         gen_server:stop(Once),
         true = ets:delete(push_sessions),
         push_engines:cleanup(Engines)
     end,
     fun({Engines, _}) -> {atom_to_list(Name), fun() -> Test(Engines) end} end}.
