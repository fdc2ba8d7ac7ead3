%% Whose device it is: by user agent and by resource.
-module(push_sessions_tests).

-include_lib("eunit/include/eunit.hrl").

-define(LOGIN, 1000).

device(Resource, Agent, At) ->
    maps:merge(#{registered_at => At},
               push_sessions:binding({Resource, agent(Agent)})).

agent(none) -> none;
agent(Id) -> push_sessions:user_agent(Id, ?LOGIN).

a_device_belongs_to_a_session_test_() ->
    [{Name, ?_assertEqual(Expected, push_sessions:is_bound(device(Resource, Agent, At),
                                                           {<<"r">>, agent(Own)}))}
     || {Name, Resource, Agent, At, Own, Expected} <-
        [{"the same resource", <<"r">>, none, 1, none, true},
         {"another resource", <<"s">>, none, 1, none, false},
         {"no resource", <<>>, none, 1, none, false},
         {"the same user agent", <<"s">>, <<"a">>, ?LOGIN, <<"a">>, true},
         {"registered by its later session", <<"s">>, <<"a">>, ?LOGIN + 1, <<"a">>, false},
         {"registered by this session", <<"r">>, <<"a">>, ?LOGIN + 1, <<"a">>, true},
         {"another user agent", <<"s">>, <<"b">>, 1, <<"a">>, false},
         {"another user agent with this resource", <<"r">>, <<"b">>, 1, <<"a">>, false},
         {"a session that told none", <<"r">>, <<"a">>, 1, none, true},
         {"a session that told none, another resource", <<"s">>, <<"a">>, 1, none, false},
         {"a device that has none", <<"r">>, none, 1, <<"a">>, true},
         {"a device that has none, another resource", <<"s">>, none, 1, <<"a">>, false}]].

an_empty_id_is_none_test() ->
    ?assertEqual(none, push_sessions:user_agent(<<>>, ?LOGIN)).
