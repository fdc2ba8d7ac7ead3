%% What outcomes say of devices, when it is written, and how much of it there can be.
-module(push_usage_tests).

-include_lib("eunit/include/eunit.hrl").

-define(APP, <<"im.app">>).
-define(HOUR, 3600 * 1000).
%% A moment in 2023, in Unix ms.
-define(THEN, 1700000000000).

noted_test_() ->
    Used = fun(At) -> {?THEN + At, none} end,
    Refused = fun(At, Reason) -> {none, {?THEN + At, Reason}} end,
    Rows =
        [{"a use half a day after the registration", #{}, Used(12 * ?HOUR),
          #{last_used => ?THEN + 12 * ?HOUR}},
         {"a use soon after it", #{}, Used(12 * ?HOUR - 1), #{}},
         {"a use half a day after the last", #{last_used => ?THEN + 1}, Used(1 + 12 * ?HOUR),
          #{last_used => ?THEN + 1 + 12 * ?HOUR}},
         {"a use soon after the last", #{last_used => ?THEN + 1}, Used(12 * ?HOUR),
          #{last_used => ?THEN + 1}},
         {"an older use", #{last_used => ?THEN + 5}, Used(3), #{last_used => ?THEN + 5}},
         {"a use from before the registration", #{}, Used(-24 * ?HOUR), #{}},
         {"a use after an error, however soon",
          #{last_used => ?THEN + 3, last_error => {?THEN + 5, <<"BadTopic">>}}, Used(6),
          #{last_used => ?THEN + 6, last_error => {?THEN + 5, <<"BadTopic">>}}},
         {"another use after that error",
          #{last_used => ?THEN + 6, last_error => {?THEN + 5, <<"BadTopic">>}}, Used(7),
          #{last_used => ?THEN + 6, last_error => {?THEN + 5, <<"BadTopic">>}}},
         {"the first error", #{}, Refused(1, <<"BadTopic">>),
          #{last_error => {?THEN + 1, <<"BadTopic">>}}},
         {"the same soon again", #{last_error => {?THEN + 1, <<"BadTopic">>}},
          Refused(?HOUR, <<"BadTopic">>), #{last_error => {?THEN + 1, <<"BadTopic">>}}},
         {"the same an hour later", #{last_error => {?THEN + 1, <<"BadTopic">>}},
          Refused(?HOUR + 1, <<"BadTopic">>),
          #{last_error => {?THEN + ?HOUR + 1, <<"BadTopic">>}}},
         {"another, however soon", #{last_error => {?THEN + 1, <<"BadTopic">>}},
          Refused(2, <<"Forbidden">>), #{last_error => {?THEN + 2, <<"Forbidden">>}}},
         {"an error from before the registration", #{}, Refused(-1, <<"BadTopic">>), #{}},
         {"both", #{}, {?THEN + 12 * ?HOUR, {?THEN + 1, <<"BadTopic">>}},
          #{last_used => ?THEN + 12 * ?HOUR, last_error => {?THEN + 1, <<"BadTopic">>}}}],
    [{Name, ?_assertEqual(Expected#{registered_at => ?THEN},
                          push_usage:noted(Before#{registered_at => ?THEN}, Note))}
     || {Name, Before, Note, Expected} <- Rows].

last_used_test_() ->
    [?_assertEqual(7, push_usage:last_used(#{registered_at => 7})),
     ?_assertEqual(9, push_usage:last_used(#{registered_at => 7, last_used => 9})),
     {"registered again since", ?_assertEqual(7, push_usage:last_used(#{registered_at => 7,
                                                                        last_used => 5}))}].

%% Else all owners would be asked for, and written, at the same time.
an_owners_mark_changes_once_in_half_a_day_and_not_with_anothers_test() ->
    Changes = [hd([Second || Second <- lists:seq(1, 12 * 3600),
                             mark(Owner, Second) =/= mark(Owner, Second - 1)])
               || Owner <- [<<"bob@a">>, <<"carol@a">>]],
    ?assertMatch([A, B] when A =/= B, Changes),
    [Bob, _] = Changes,
    ?assertEqual(1, length(lists:usort([mark(<<"bob@a">>, Bob + N)
                                        || N <- [0, 1, 12 * 3600 - 1]]))),
    ?assertNotEqual(mark(<<"bob@a">>, Bob), mark(<<"bob@a">>, Bob + 12 * 3600)).

mark(Owner, Now) ->
    {_, Mark} = push_usage:slot(?APP, Owner, Now),
    Mark.

%% One push of an owner is watched, then none; after a failure or a refusal the next one is.
asked_for_test_() ->
    with_table(fun() ->
        true = register(push_usage, self()),
        Watched = #{reply_to => self()},
        ?assertEqual(Watched, push_usage:options(?APP, <<"bob@a">>)),
        ok = push_usage:taken(Watched, ?APP, <<"bob@a">>, {error, overloaded}),
        ok = push_usage:taken(Watched, ?APP, <<"bob@a">>, {ok, []}),
        ?assertEqual(Watched, push_usage:options(?APP, <<"bob@a">>)),
        ok = push_usage:taken(Watched, ?APP, <<"bob@a">>, {ok, [<<"id">>]}),
        ?assertEqual(#{}, push_usage:options(?APP, <<"bob@a">>)),
        ?assertEqual(Watched, push_usage:options(?APP, <<"carol@a">>)),
        ?assertEqual(Watched, push_usage:options(<<"other.app">>, <<"bob@a">>)),
        lists:foreach(fun(Event) ->
            ok = push_usage:note(?APP, [Event#{owner => <<"bob@a">>, token => <<"aa">>}]),
            ?assertEqual(Watched, push_usage:options(?APP, <<"bob@a">>)),
            ok = push_usage:taken(Watched, ?APP, <<"bob@a">>, {ok, [<<"id">>]}),
            ?assertEqual(#{}, push_usage:options(?APP, <<"bob@a">>))
        end, [#{event => failed, cause => unreachable},
              #{event => rejected, status => 400, reason => <<"BadTopic">>}])
    end).

%% The mailbox is bounded by it.
no_more_outcomes_are_awaited_than_there_is_room_for_test_() ->
    with_table(fun() ->
        true = register(push_usage, self()),
        Before = maps:get(usage_dropped, push_counters:all()),
        ok = push_usage:taken(#{reply_to => self()}, ?APP, <<"bob@a">>,
                              {ok, lists:duplicate(20000, <<"id">>)}),
        ?assertEqual(#{}, push_usage:options(?APP, <<"carol@a">>)),
        ?assertEqual(Before + 1, maps:get(usage_dropped, push_counters:all()))
    end).

what_is_noted_is_bounded_and_counted_test_() ->
    with_table(fun() ->
        Before = maps:get(usage_dropped, push_counters:all()),
        ok = push_usage:note(?APP, [#{event => accepted, token => integer_to_binary(N)}
                                    || N <- lists:seq(1, 20005)]),
        ?assertEqual(20000, ets:info(push_usage, size)),
        ?assertEqual(Before + 5, maps:get(usage_dropped, push_counters:all())),
        %% Of a device that has its place there is no more than the latest.
        ok = push_usage:note(?APP, [#{event => rejected, token => <<"1">>, status => 503},
                                    #{event => rejected, token => <<"1">>, status => 400,
                                      reason => binary:copy(<<"x">>, 200)}]),
        ?assertMatch([{_, Used, {_, <<_:64/binary>>}}] when is_integer(Used),
                     ets:lookup(push_usage, {?APP, <<"1">>})),
        ?assertEqual(20000, ets:info(push_usage, size))
    end).

%% A store that fails costs no note; nor does a device that cannot be noted cost another's.
what_the_store_does_not_take_is_kept_until_it_does_test_() ->
    with_store(fun() ->
        Now = erlang:system_time(millisecond),
        Old = Now - 2 * ?HOUR,
        true = ets:insert(push_usage, [{{?APP, <<"aa">>}, Now, none},
                                       {{?APP, <<"bb">>}, Now, none},
                                       {{?APP, <<"cc">>}, Now, none},
                                       {{?APP, <<"dd">>}, Old, {Old, <<"BadTopic">>}},
                                       {{<<"of.no.vhost">>, <<"ee">>}, Now, none}]),
        Before = maps:get(usage_dropped, push_counters:all()),
        ok = push_usage:flush(),
        ?assertEqual([<<"aa">>, <<"bb">>, <<"cc">>],
                     lists:sort([Token || {{_, Token}, _, _} <- ets:tab2list(push_usage)])),
        %% The old one.
        ?assertEqual(Before + 1, maps:get(usage_dropped, push_counters:all())),
        ok = mnesia:start(),
        {atomic, ok} = mnesia:create_table(push_device, [
            {attributes, [key, us, registered_at, info]}, {index, [us]}]),
        Devices = [device(<<"aa">>, #{}), device(<<"bb">>, #{last_used => <<"x">>}),
                   device(<<"cc">>, #{})],
        {ok, _} = push_devices_mnesia:store([{D, fun(_, _) -> [] end} || D <- Devices]),
        ok = push_usage:flush(),
        ?assertEqual([], ets:tab2list(push_usage)),
        ?assertEqual([{<<"aa">>, Now}, {<<"bb">>, <<"x">>}, {<<"cc">>, Now}],
                     [{Token, last_used(Token)} || Token <- [<<"aa">>, <<"bb">>, <<"cc">>]]),
        ?assertEqual(Before + 2, maps:get(usage_dropped, push_counters:all()))
    end).

device(Token, More) ->
    More#{us => {<<"bob">>, <<"h">>}, app => ?APP, token => Token, registered_at => ?THEN}.

last_used(Token) ->
    {ok, [#{last_used := At}]} = push_devices_mnesia:lookup_token(<<"h">>, ?APP, Token),
    At.

%% Devices are in Mnesia, which the test starts when it is to work.
with_store(Test) ->
    {setup, Setup, Cleanup, _} = with_table(Test),
    {setup,
     fun() ->
         Setup(),
         _ = mnesia:stop(),
         ok = push_settings:init(),
         ok = push_settings:put(<<"h">>, #{service => <<"push.h">>, content => none,
                                           apps => #{?APP => #{}}}),
         %% As gen_mod has it.
         ejabberd_modules = ets:new(ejabberd_modules, [named_table, public, {keypos, 2}]),
         true = ets:insert(ejabberd_modules, {ejabberd_module, {mod_push_service, <<"h">>},
                                              #{db_type => mnesia}, [], 0}),
         {ok, Pid} = push_usage:start_link(),
         Pid
     end,
     fun(Pid) ->
         stopped = mnesia:stop(),
         ok = gen_server:stop(Pid),
         true = ets:delete(ejabberd_modules),
         true = ets:delete(push_settings),
         Cleanup(Pid)
     end,
     Test}.

with_table(Test) ->
    {setup,
     fun() ->
         ok = push_counters:init(),
         _ = persistent_term:erase(push_usage),
         push_usage:init_tables()
     end,
     fun(_) -> true = ets:delete(push_usage) end,
     Test}.
