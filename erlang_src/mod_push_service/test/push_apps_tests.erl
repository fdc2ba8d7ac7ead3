%% What becomes of the apps that run when push_apps starts anew.
-module(push_apps_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEPT, <<"im.example.kept">>).
-define(LEFT, <<"im.example.left">>).

%% The last vhost that named an app went while push_apps was down.
an_app_that_nobody_names_any_more_is_stopped_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        _ = push_engines:start(?LEFT, #{}, Engines),
        with_push_apps(fun() ->
            ?assertEqual([], push_apps:running()),
            ?assertEqual(none, push_engines:stats(?LEFT))
        end)
    end).

an_app_that_a_vhost_names_goes_on_test_() ->
    with_engines(?FUNCTION_NAME, fun(Engines) ->
        Config = push_engines:start(?KEPT, #{}, Engines),
        %% Whatever the order in which the vhosts are read, most of them do not name it.
        [host(integer_to_binary(N), #{}) || N <- lists:seq(1, 20)],
        host(<<"localhost">>, #{?KEPT => Config}),
        {ok, [_]} = apns_nif:notify(?KEPT, {token, <<"aa">>}, #{body => <<"x">>}),
        with_push_apps(fun() ->
            ?assertEqual([?KEPT], push_apps:running()),
            ?assertMatch(#{taken := 1}, push_engines:stats(?KEPT)),
            ok = push_apps:set_host(<<"localhost">>, #{}),
            ?assertEqual([], push_apps:running()),
            ?assertEqual(none, push_engines:stats(?KEPT))
        end)
    end).

with_engines(Name, Test) ->
    {setup, fun push_engines:setup/0, fun push_engines:cleanup/1,
     fun(Engines) -> {atom_to_list(Name), fun() -> Test(Engines) end} end}.

host(Host, Apps) ->
    ok = push_settings:put(Host, #{service => <<"push.", Host/binary>>, content => none,
                                   apps => Apps}).

with_push_apps(Fun) ->
    {ok, Pid} = push_apps:start_link(),
    try Fun()
    after
        unlink(Pid),
        gen_server:stop(Pid)
    end.
